"""Jobs and what came of them as bytes: NumPy's own file format and JSON, and never a pickle.

Anyone who can reach Locust's port can send anything: data that is read there must not run code.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import protocols
from harness.base.errors import HarnessError
from harness.base.trust import Trust
from harness.measure.load.generator.job import Fired, Job, Target
from harness.measure.load.generator.pool import shards
from harness.measure.talk.framing import Framing
from harness.protocols import exchange
from harness.protocols.exchange import Exchanges
from harness.windows.causes import Cause, printable
from harness.windows.marks import MARKS, Marks
from harness.windows.samples import ERRORS, Chunks, Requests

PIECE = 1 << 20  # bytes of a message: heartbeats must get through between two of them
_COLUMNS = tuple(field.name for field in fields(Requests))
_TOLD: dict[str, type[Any]] = {"chunks": Chunks, "marks": Marks}  # tables beside the requests
_TEXTS = ("texts", "facts")
_DAMAGE = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError),
    *(TypeError, ValueError, struct.error, zipfile.BadZipFile),
)


def pack_job(job: Job) -> bytes:
    """A job as bytes."""
    facts = asdict(job)
    messages = facts["target"].pop("messages")
    if (exchanges := job.target.exchanges) is not None:
        facts["target"]["exchanges"] = [exchanges.name, facts["target"]["exchanges"]]
    arrays = {"payload": job.payload, **_joined(messages)}
    del facts["payload"], facts["due_ns"]
    if job.due_ns is not None:
        arrays["due_ns"] = job.due_ns
    return _pack(facts, arrays)


def unpack_job(data: bytes) -> Job:
    """The job. Raises HarnessError for what is none."""
    try:
        facts, arrays = _unpack(data)
        target = facts.pop("target")
        metadata = tuple((str(name), str(value)) for name, value in target.pop("metadata"))
        goal = Target(
            messages=tuple(_split(arrays)),
            metadata=metadata,
            trust=Trust(**target.pop("trust")),
            framing=_framing(target.pop("framing")),
            exchanges=_exchanges(target.pop("exchanges")),
            **target,
        )
        return Job(
            **{**facts, "target": goal}, payload=arrays["payload"], due_ns=arrays.get("due_ns")
        )
    except _DAMAGE as error:
        raise HarnessError(f"The job can't be read: {_in_short(error)}.") from error


def _in_short(error: BaseException) -> str:
    return printable(str(error) or type(error).__name__).rstrip(".")


def _framing(facts: dict[str, Any]) -> Framing:
    own, users = (tuple((str(a), str(b)) for a, b in facts[name]) for name in ("own", "users"))
    return Framing(path=str(facts["path"]), own=own, users=users, method=str(facts["method"]))


def _exchanges(told: list[Any] | None) -> Exchanges | None:
    """Only such as a protocol here has registered: their fields come from the wire, no code."""
    if told is None:
        return None
    protocols.registered()
    name, facts = told
    return exchange.by_name(str(name), facts)


def pack_fired(fired: Fired) -> bytes:
    """The record of a job as bytes."""
    facts: dict[str, Any] = {"cpu_s": fired.cpu_s, "elapsed_s": fired.elapsed_s}
    facts |= {
        "addresses": fired.addresses,
        "causes": [asdict(cause) for cause in fired.causes],
        "cut_s": fired.cut_s,
        "unanswered": fired.unanswered,
    }
    rows = np.array(list(fired.bodies), np.int64)
    bodies = _joined(list(fired.bodies.values()))
    told = {
        f"{table}.{field.name}": getattr(getattr(fired, table), field.name)
        for table, kind in _TOLD.items()
        for field in fields(kind)
    }
    return _pack(facts, {**fired.columns, "rows": rows, **bodies, **told})


def unpack_fired(data: bytes) -> Fired:
    """The record of a job. Raises HarnessError if the bytes are anything else."""
    try:
        facts, arrays = _unpack(data)
        columns = {name: arrays[name] for name in _COLUMNS}
        count = {len(column) for column in columns.values()}
        if len(count) != 1:
            raise ValueError("its columns differ in length")
        bodies = dict(zip(arrays["rows"].tolist(), _split(arrays), strict=True))
        causes = tuple(_cause(cause) for cause in facts["causes"])
        addresses = tuple(map(str, facts["addresses"]))
        cpu_s, elapsed_s = float(facts["cpu_s"]), float(facts["elapsed_s"])
        return Fired(
            columns=columns,
            bodies=bodies,
            cpu_s=cpu_s,
            elapsed_s=elapsed_s,
            causes=causes,
            addresses=addresses,
            cut_s=None if facts["cut_s"] is None else float(facts["cut_s"]),
            unanswered=int(facts["unanswered"]),
            chunks=_told("chunks", arrays, *count),
            marks=_told("marks", arrays, *count),
        )
    except _DAMAGE as error:
        raise HarnessError(
            f"The worker's reply is not a record of requests: {_in_short(error)}."
        ) from error


def _cause(said: dict[str, Any]) -> Cause:
    found = Cause(**said)
    words = (found.error, found.kind, found.said, found.location)
    if found.error not in ERRORS or not all(isinstance(each, str) for each in words):
        raise ValueError("its causes are none")
    return replace(found, count=int(found.count))


def _told(table: str, arrays: dict[str, NDArray[Any]], requests: int) -> Any:
    """One of the tables beside the requests, of a window with so many."""
    names = [field.name for field in fields(_TOLD[table])]
    columns = {name: arrays[f"{table}.{name}"] for name in names}
    if len({len(column) for column in columns.values()}) != 1:
        raise ValueError(f"the columns of its {table} differ in length")
    found = _TOLD[table](**columns)
    if ((found.request < 0) | (found.request >= requests)).any():
        raise ValueError(f"its {table} are of other requests")
    if table == "marks" and ((found.mark < 0) | (found.mark >= len(MARKS))).any():
        raise ValueError("its marks are not known")
    return found


def pieces(data: bytes) -> list[bytes]:
    """The bytes in pieces of a message's size, one at least."""
    return [data[place : place + PIECE] for place in range(0, len(data), PIECE)] or [b""]


def shares(job: Job, workers: int) -> list[Job]:
    """A job dealt out to the workers; users are dealt out by Locust, to all of them."""
    if job.think_ns is None:
        return shards(job, workers)
    return [replace(job, payload=job.payload[number::workers]) for number in range(workers)]


def _pack(facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    stream = io.BytesIO()
    said = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    np.savez(stream, facts=said, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def _unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        # As they were packed: what is compressed, or overlaps, may be of any size.
        stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
        if not stored or sum(member.file_size for member in members) > len(data):
            raise ValueError("its arrays are longer than what came")
        names = [member.filename.removesuffix(".npy") for member in members]
        arrays = {n: _column(n, archive.read(m)) for n, m in zip(names, members, strict=True)}
    facts = json.loads(arrays.pop("facts").tobytes())
    return facts, arrays


def _column(name: str, data: bytes) -> NDArray[Any]:
    """One array, whose header may say anything: NumPy would make room for what it says."""
    file, wanted = io.BytesIO(data), np.dtype(np.uint8 if name in _TEXTS else np.int64)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError(f"{name} is of another version")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    rest = data[file.tell() :]
    if dtype != wanted or len(shape) != 1 or shape[0] * wanted.itemsize != len(rest):
        raise ValueError(f"{name} is not a column of {wanted}")
    return np.frombuffer(rest, wanted).copy()


def _joined(texts: Sequence[bytes]) -> dict[str, NDArray[Any]]:
    lengths = np.array([len(text) for text in texts], np.int64)
    return {"lengths": lengths, "texts": np.frombuffer(b"".join(texts), np.uint8)}


def _split(arrays: dict[str, NDArray[Any]]) -> Iterator[bytes]:
    ends = np.cumsum(arrays["lengths"]).tolist()
    texts = arrays["texts"].tobytes()
    if (arrays["lengths"] < 0).any() or (ends[-1] if ends else 0) != len(texts):
        raise ValueError("its texts are cut short")
    for start, end in zip([0, *ends], ends, strict=False):
        yield texts[start:end]
