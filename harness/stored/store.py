"""Campaigns and runs as files: the only thing that the two halves of the program share.

    results/<campaign>/campaign.json
    results/<campaign>/<benchmark>/<variant>/round-<n>/
        run.json  requests.parquet  usage.parquet  calls.parquet  chunks.parquet  marks.parquet
        invocations.parquet  server.log

Written whole or not at all: a run is made in a hidden folder beside its place and renamed into it.
JSON files carry their own SHA-256, and run.json those of the files beside it, so that a truncated
or edited result is told from a measured one. `docs/schema.md` describes every field.

Schema versions
    8  runs may have marks.parquet, invocations.parquet and accuracy; servers have answers, misses,
       refuses_beyond and may have function; profiles have popularity, exponent and unseen_share;
       lifecycle has jobs, replacement, training, not_overloaded, starts, burst, lost, shares,
       changes; windows may be replacement, burst, change; benchmarks have cold_starts, burst_s and
       replaced; containers have pod; launching has replicates; campaigns may be of kind scale
    7  all windows of a run are in `windows`, each with its kind; search has no probes, runs no
       strains and no audit of their own; windows have server_clock; benchmarks have judge and
       tolerance; servers have launching; runs may have chunks.parquet, and requests the error
       failed; cells have subject and point, no variant; campaigns have canaries and kind;
       containers have warnings
    6  requests have resent; windows have causes, timeout_s, addresses and, of the host,
       throttled_s; search has ended; servers have insecure, endpoints trust;
       endpoints have request, judged_by, is_here and beside; servers judged_by and is_here
    5  calls have thread_cpu_ns
    4  runs have search, whose probes are windows after the run's own, strains, whose windows come
       next, audit, whose window comes last, warm_up and lifecycle; windows have cpu_energy_j,
       cpu_energy_s, host and workers; campaigns have checks, driver, against and tuning; servers
       and benchmarks have content
    3  runs have image, container; usage has columns of containers and GPUs; names may have @docker
    2  calls have a process; runs have model_threads; servers have maintained, note and asked;
       campaigns have endpoint
    1  first
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.base import caches, marks, paths, reading, whole
from harness.base.errors import ResultError, StoreError, UsageError
from harness.stored import earlier, legacy, sane
from harness.stored.identity import Cell
from harness.stored.records import Campaign, Run, RunFacts, Window
from harness.windows import columns
from harness.windows.samples import empty

SCHEMA = 8
EXAMPLE = "example"  # the campaign that comes with the harness: found by its name, in no list

_CAMPAIGN = "campaign.json"
_RUN = "run.json"
_LOG = "server.log"
_LOG_BYTES = 256 << 20  # what is stored of a log has some MiB


def require_writable(folder: Path) -> None:
    """Find out before a campaign is measured into a folder where nothing could be kept: its runs,
    its report, and what the cache has. Raises StoreError."""
    for place in (folder, paths.reports_dir() / folder.name):
        try:
            caches.try_writing(place if place.exists() else place.parent)
        except OSError as error:
            raise _store_error(place, error) from error
    caches.require_writable()


def write_campaign(folder: Path, campaign: Campaign) -> None:
    """Write the plan of a campaign. Raises StoreError."""
    try:
        plan = _adapter(Campaign).dump_python(campaign, mode="json")
        whole.write(folder / _CAMPAIGN, _sealed({"campaign": plan}), lasting=True)
    except OSError as error:
        raise _store_error(folder, error) from error


def read_campaign(folder: Path) -> Campaign:
    """The plan of a stored campaign. Raises ResultError, or UsageError where there is none."""
    path = folder / _CAMPAIGN
    if not path.exists():
        raise UsageError(f"There is no campaign in {folder}: it has no {_CAMPAIGN}.")
    data = _unsealed(path, "campaign")
    plan = legacy.campaign(data["campaign"], data["schema"])
    campaign: Campaign = _validated(Campaign, plan, path)
    _require_sane(sane.of_campaign(campaign), path)
    return campaign


def names(folder: Path) -> list[str]:
    """The names of all campaigns in a folder."""
    return sorted(path.parent.name for path in folder.glob(f"*/{_CAMPAIGN}"))


def campaigns(folder: Path) -> list[Path]:
    """The folders of the user's campaigns in a folder, by name: all but the example."""
    return [folder / name for name in names(folder) if name != EXAMPLE]


def cell_folder(folder: Path, cell: Cell) -> Path:
    """The folder of a cell's run, for people to find. Its names are never read back."""
    variant = cell.variant_name.replace("/", "%2F")  # a revision's name may have one
    return folder / cell.benchmark_name / variant / f"round-{cell.round}"


def write_run(folder: Path, run: Run) -> Path:
    """Store a run under its campaign's folder, whole or not at all. Raises StoreError."""
    place = cell_folder(folder, run.cell)
    part = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists() and not (place / _RUN).exists():
            _set_aside(place)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=place.parent))
        marks.put(part)
        files = {}
        for name in columns.needed(run.windows):
            columns.write(part / f"{name}.parquet", name, run.windows)
            files[f"{name}.parquet"] = _digest(part / f"{name}.parquet")
        _write_bytes(part / _LOG, run.log.encode())
        files[_LOG] = _digest(part / _LOG)
        facts = _adapter(RunFacts).dump_python(run.facts, mode="json")
        _write_bytes(part / _RUN, _sealed({"run": facts, "files": files}))
        part.chmod(0o755)
        marks.take_off(part)
        part.rename(place)
    except OSError as error:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
        raise _store_error(folder, error) from error
    return place


def read_run(place: Path, cell: Cell | None = None) -> Run:
    """The run of a planned cell. Raises ResultError if it was edited, or is of a later schema."""
    data = _unsealed(place / _RUN, "run", "files")
    _require_unchanged(place, data["files"])
    facts = _validated(RunFacts, _in_this_schema(data, cell, place / _RUN), place / _RUN)
    _require_sane(sane.of_run(facts), place / _RUN)
    tables = _tables(place, data["files"], len(facts.windows))
    windows = tuple(
        Window(facts=window, **{name: tables[name][i] for name in tables})
        for i, window in enumerate(facts.windows)
    )
    # Not read_text: it would turn the carriage returns of a progress bar into newlines.
    log = reading.content(place / _LOG, _LOG_BYTES).decode(errors="replace")
    return Run(facts, windows, log)


def _tables(place: Path, files: dict[str, Any], windows: int) -> dict[str, list[Any]]:
    """Each table, window by window; one that no file has is empty."""
    tables = {
        name: columns.read(place, name, windows)
        if f"{name}.parquet" in files
        else [empty(kind)] * windows
        for name, kind in columns.TABLES.items()
    }
    columns.require_matching(place, tables)
    return tables


def stored(folder: Path, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Path]]:
    """The cells that have a stored run, with its folder, in the order given."""
    for cell in cells:
        place = cell_folder(folder, cell)
        if (place / _RUN).exists():
            yield cell, place


def discard_parts(folder: Path) -> None:
    """Remove what a killed harness left half-written."""
    for part in filter(marks.is_on, folder.glob("*/*/.part-*")):
        shutil.rmtree(part, ignore_errors=True)


def _set_aside(place: Path) -> None:
    """The rest of a run that was partly removed may be wanted: it keeps another name."""
    number = 1
    while (other := place.with_name(f"{place.name}.aside-{number}")).exists():
        number += 1
    place.rename(other)


def _sealed(data: dict[str, Any]) -> bytes:
    data = {"schema": SCHEMA, **data}
    return json.dumps({**data, "sha256": _seal(data)}, indent=1).encode() + b"\n"


def _require_unchanged(place: Path, files: Any) -> None:
    """Raises ResultError unless all files beside a run.json are as they were written."""
    always = columns.TABLES.keys() - columns.SPARSE
    wanted = {_LOG, *(f"{name}.parquet" for name in always)}
    if not isinstance(files, dict) or not files.keys() >= wanted:
        raise ResultError(_no_result(place / _RUN))
    for name, digest in files.items():
        path = place / name
        if Path(name).name != name or not path.is_file() or _digest(path) != digest:
            raise ResultError(_changed(path))


def _require_sane(wrong: str | None, path: Path) -> None:
    if wrong is not None:
        raise ResultError(f"{path}: {wrong}.")


def _unsealed(path: Path, *keys: str) -> dict[str, Any]:
    """The content of a file that carries its own SHA-256. Raises ResultError if the hash does not
    match."""
    data = reading.parsed(path)
    if not isinstance(data, dict) or not data.keys() >= {"sha256", "schema"}:
        raise ResultError(_no_result(path))
    seal, schema = data.pop("sha256"), data["schema"]
    if isinstance(schema, int) and schema > SCHEMA:
        raise ResultError(
            f"{path} has schema {schema}; this harness reads up to {SCHEMA}. Read it with the "
            "later version of the harness that wrote it."
        )
    try:
        is_whole = seal == _seal(data)
    except RecursionError as error:
        raise ResultError(_no_result(path)) from error
    if not is_whole:
        raise ResultError(_changed(path))
    if schema not in range(1, SCHEMA + 1) or not data.keys() >= set(keys):
        raise ResultError(_no_result(path))
    return dict(data)


def _seal(data: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _no_result(path: Path) -> str:
    return f"{path} can't be read: it is truncated or not a result file."


def _changed(path: Path) -> str:
    was = f"{path} is not as it was written: it was truncated or edited."
    if path.name == _CAMPAIGN:
        # Nothing but the plan is broken: the runs must not be lost over it.
        return (
            f"{was} Put the file back as it was, from a backup for example. The runs beside it are "
            "not touched by that: keep their folders."
        )
    return f"{was} Remove the folder {path.parent} and measure the cell again with --resume."


def _in_this_schema(data: dict[str, Any], cell: Cell | None, path: Path) -> dict[str, Any]:
    """A run of any schema. Raises ResultError where it is none."""
    try:
        run = legacy.run(data["run"], cell, data["schema"])
        return earlier.run(run, data["schema"])
    except (AttributeError, KeyError, TypeError) as error:
        raise ResultError(_no_result(path)) from error


def _validated(model: Any, data: Any, path: Path) -> Any:
    try:
        return _adapter(model).validate_python(data)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ResultError(f"{path}: {place}: {problem['msg']}.") from error


@cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _write_bytes(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _store_error(folder: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            f"The disk is full: nothing more can be stored in {folder}. What finished before is "
            "kept. Free some space and continue with --resume."
        )
    return StoreError(f"{folder} can't be written: {error.strerror or error}.")
