"""The pure parts of the driver `locust`: clocks, what goes over the wire, shares, and its words."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import pickle
import tracemalloc
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.base.errors import HarnessError, UsageError
from harness.cli.worker import numbers
from harness.measure.load import drivers
from harness.measure.load.drivers import DriverOrder
from harness.measure.load.drivers.locust import address
from harness.measure.load.generator.job import Fired, Job, Target, lost
from harness.measure.load.generator.pool import merge
from harness.measure.load.swarm import clocks, wire
from harness.measure.load.swarm.clocks import Ping
from harness.measure.load.swarm.question import base_url, question
from harness.measure.talk.target import target
from harness.protocols import Message
from harness.windows.profiles import Profile
from harness.windows.samples import ERRORS, MISSING, Ints

USERS = Profile("people", "users", 1.0, concurrency=3, think_s=0.5)
GOAL = Target(
    host="h",
    port=80,
    tls=False,
    messages=(b"first", b"", b"\x00third"),
    method="/s/m",
    metadata=(("a", "b"),),
)
COLUMNS = (
    "payload",
    "due_ns",
    "sent_ns",
    "first_byte_ns",
    "done_ns",
    "status",
    "error",
    "queued",
    "resent",
)


def job(count: int = 10, **more: Any) -> Job:
    due = np.arange(count) * 1000
    return replace(
        Job(
            target=GOAL,
            start_ns=5,
            duration_ns=10_000,
            payload=np.arange(count) % 3,
            due_ns=due,
            concurrency=4,
            limit=None,
            timeout_ns=10**9,
            keep_every=2,
        ),
        **more,
    )


def of(count: int) -> Fired:
    columns: dict[str, Ints] = {name: np.arange(count) + at for at, name in enumerate(COLUMNS)}
    return Fired(
        columns=columns, bodies={0: b"", count - 1: b"\xffbody"}, cpu_s=0.25, elapsed_s=1.5
    )


def same(one: Any, other: Any) -> None:
    for name in one.__slots__:
        mine, theirs = getattr(one, name), getattr(other, name)
        if isinstance(mine, np.ndarray):
            assert theirs.dtype == np.int64
            np.testing.assert_array_equal(mine, theirs)
        else:
            assert mine == theirs, name


# --- clocks ---------------------------------------------------------------------------------------

NS = st.integers(0, 10**9)


@given(st.integers(-(2**60), 2**60), st.lists(st.tuples(NS, NS, NS, NS), min_size=1))
def test_the_truth_is_within_the_uncertainty(
    offset: int, exchanges: list[tuple[int, int, int, int]]
) -> None:
    pings = [
        Ping(
            asked_ns=at,
            taken_ns=at + there + offset,
            answered_ns=at + there + work + offset,
            told_ns=at + there + work + back,
        )
        for at, there, work, back in exchanges
    ]
    found = clocks.offset(pings)
    assert abs(found.ns - offset) <= found.uncertainty_ns + 1  # of rounding
    least = min(there + back for _, there, _, back in exchanges)
    assert 2 * found.uncertainty_ns in (least, least + 1)


def test_the_quickest_exchange_counts() -> None:
    slow, quick = (
        Ping(asked_ns=0, taken_ns=1000, answered_ns=1010, told_ns=90),
        Ping(asked_ns=100, taken_ns=1105, answered_ns=1110, told_ns=115),
    )
    assert clocks.offset([slow, quick, slow]) == clocks.Offset(1000, 5)


# --- over the wire --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent", [job(), job(due_ns=None, limit=7), job(0), job(think_ns=5, due_ns=None)]
)
def test_a_job_arrives_as_it_was(sent: Job) -> None:
    same(sent, wire.unpack_job(wire.pack_job(sent)))


@pytest.mark.parametrize("fired", [of(5), replace(of(5), bodies={}), lost(job())])
def test_a_record_arrives_as_it_was(fired: Fired) -> None:
    found = wire.unpack_fired(wire.pack_fired(fired))
    for name in COLUMNS:
        np.testing.assert_array_equal(found.columns[name], fired.columns[name])
    assert found.bodies == fired.bodies
    assert (found.cpu_s, found.elapsed_s) == (fired.cpu_s, fired.elapsed_s)


def test_a_record_in_pieces_is_whole_again() -> None:
    packed = wire.pack_fired(of(40_000))
    parts = wire.pieces(packed)
    assert len(parts) == -(-len(packed) // wire.PIECE) > 1
    assert b"".join(parts) == packed
    assert wire.pieces(b"") == [b""]


class Bomb:
    """Pickled, it would run code where it is loaded."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("a pickle was loaded",)


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def facts(what: Any) -> Any:
    return np.frombuffer(json.dumps(what).encode(), np.uint8)


DAMAGED = {
    "nothing": b"",
    "a pickle": pickle.dumps(Bomb()),
    "objects": npz(facts=facts({}), payload=np.array([Bomb()], dtype=object)),
    "floats": npz(facts=facts({}), payload=np.array([0.5])),
    "a table": npz(facts=facts({}), payload=np.zeros((2, 2), np.int64)),
    "no facts": npz(payload=np.arange(3)),
    "other facts": npz(facts=facts([1]), payload=np.arange(3)),
    "half": wire.pack_job(job())[:-50],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_damaged_or_forged_is_refused(name: str) -> None:
    with pytest.raises(HarnessError, match=r"job can.t be read"):
        wire.unpack_job(DAMAGED[name])
    with pytest.raises(HarnessError, match="is not a record"):
        wire.unpack_fired(DAMAGED[name])


def _odd(data: bytes, changes: list[tuple[int, int]], cut: int | None) -> bytes:
    found = bytearray(data)
    for place, byte in changes:
        found[place % len(found)] = byte
    return bytes(found[:cut])


@given(
    changes=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=5),
    cut=st.one_of(st.none(), st.integers(0, 5000)),
)
@settings(max_examples=300)
def test_any_bytes_are_a_job_or_a_sentence(changes: list[tuple[int, int]], cut: int | None) -> None:
    with contextlib.suppress(HarnessError):
        wire.unpack_job(_odd(wire.pack_job(job()), changes, cut))
    with contextlib.suppress(HarnessError):
        wire.unpack_fired(_odd(wire.pack_fired(of(10)), changes, cut))


def _zipped(kind: int, **members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()


def _header(shape: str) -> bytes:
    text = f"{{'descr': '<i8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


BOMBS = {
    "compressed": _zipped(zipfile.ZIP_DEFLATED, facts=bytes(200 << 20)),
    "a shape of its own": _zipped(zipfile.ZIP_STORED, facts=_header("(10**15,)")),
    "a long shape": _zipped(zipfile.ZIP_STORED, sent_ns=_header("(1000000000000000,)")),
    "a negative shape": _zipped(zipfile.ZIP_STORED, sent_ns=_header("(-1,)")),
    "deep facts": _zipped(zipfile.ZIP_STORED, facts=_header("(1,)") + b"[" * 8),
    "a deep header": _zipped(zipfile.ZIP_STORED, facts=_header("(" * 9000 + ")" * 9000)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_came_takes_no_more_memory_than_it_has(name: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(HarnessError, match="The job can't be read"):
            wire.unpack_job(BOMBS[name])
        with pytest.raises(HarnessError, match="is not a record"):
            wire.unpack_fired(BOMBS[name])
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "cause",
    [
        {"error": "connect", "kind": "refused", "count": "many"},
        {"error": "connect", "kind": ["refused"], "count": 1},
        {"error": "none of ours", "kind": "refused", "count": 1},
        {"error": "connect"},
        "refused",
    ],
    ids=str,
)
def test_causes_must_be_causes(cause: Any) -> None:
    data = wire.pack_fired(of(3))
    facts, arrays = wire._unpack(data)
    with pytest.raises(HarnessError, match="is not a record"):
        wire.unpack_fired(wire._pack(facts | {"causes": [cause]}, arrays))


def test_columns_must_be_of_one_length() -> None:
    odd = of(5)
    odd.columns["sent_ns"] = np.arange(4)
    with pytest.raises(HarnessError, match="differ in length"):
        wire.unpack_fired(wire.pack_fired(odd))


# --- shares ---------------------------------------------------------------------------------------


@given(st.integers(0, 50), st.integers(1, 9))
def test_shares_are_the_schedule_once(count: int, workers: int) -> None:
    whole = job(count, payload=np.arange(count))
    dealt = wire.shares(whole, workers)
    assert len(dealt) == workers
    # As if every worker were lost: what is left is the plan, whole and in order.
    merged = merge([lost(share) for share in dealt])
    np.testing.assert_array_equal(merged.columns["due_ns"], whole.due_ns)
    np.testing.assert_array_equal(merged.columns["payload"], whole.payload)


def test_of_a_lost_share_nothing_is_known_but_the_plan() -> None:
    columns = lost(job()).columns
    assert (columns["error"] == ERRORS.index("lost")).all()
    for name in ("sent_ns", "first_byte_ns", "done_ns"):
        assert (columns[name] == MISSING).all()


def test_a_lost_share_of_a_closed_loop_has_no_plan() -> None:
    assert {len(column) for column in lost(job(due_ns=None)).columns.values()} == {0}


def test_users_are_dealt_out_by_locust_to_all_workers() -> None:
    people = job(due_ns=None, think_ns=5, concurrency=2)
    assert [share.concurrency for share in wire.shares(people, 3)] == [2, 2, 2]
    assert len(wire.shares(replace(people, think_ns=None), 3)) == 2


# --- words ----------------------------------------------------------------------------------------


def test_a_message_is_taken_apart_for_locust() -> None:
    goal = target(
        "http://h:81/p?q=1",
        [Message(b"\r\n\r\nbody", headers={"X": "a: b"})],
        (("Y", "c"), ("Z", "1"), ("z", "2")),
    )
    asked = question(goal.messages[0])
    assert (asked.method, asked.path, asked.body) == ("POST", "/p?q=1", b"\r\n\r\nbody")
    assert asked.headers == {
        "Host": "h:81",
        "Accept-Encoding": "identity",
        "X": "a: b",
        "Y": "c",
        "Z": ["1", "2"],
    }
    assert asked.accepts(b"identity, ")
    assert not asked.accepts(b"br")
    assert base_url(goal) == "http://h:81"
    assert base_url(replace(goal, host="::1", tls=True)) == "https://[::1]:81"


@pytest.mark.parametrize("text", ["5557", "h:", ":5557", "h:port", "h:65536", "h:-1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="write HOST:PORT"):
        address(text)


def test_an_address() -> None:
    assert address("10.0.0.5:5557") == ("10.0.0.5", 5557)


@pytest.mark.parametrize(
    ("text", "found"), [("0", [0]), ("0,2-3", [0, 2, 3]), ("3,1-2,2", [1, 2, 3])]
)
def test_lists_of_cpus(text: str, found: list[int]) -> None:
    assert numbers(text) == found


@pytest.mark.parametrize("text", ["", "a", "1-", "1,,2", "-1", "2-1"])
def test_what_is_no_list_of_cpus(text: str) -> None:
    with pytest.raises(UsageError, match="is not a list of CPUs"):
        numbers(text)


def test_an_unknown_driver() -> None:
    with pytest.raises(UsageError, match="Did you mean 'locust'"):
        drivers.kind("locusts")


def test_locusts_own_users_speak_http_alone() -> None:
    assert drivers.DEFAULT.rpc_users
    assert not DriverOrder("locust").rpc_users


def test_workers_are_locusts_own() -> None:
    with pytest.raises(UsageError, match="go with --driver locust"):
        drivers.make([0], DriverOrder("native", workers=2))


def test_where_locust_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'serving-harness\[locust\]'"):
        drivers.make([0], DriverOrder("locust"))
