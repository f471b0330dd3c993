"""The records of a server's predictors, from any host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from harness.stored.clocks import SAME_CLOCK, ServerClock
from harness.stored.lifecycle import BatchJob
from harness.windows.samples import MISSING, Calls, Ints

_FIELDS = ("start", "duration", "batch", "cpu")
# Records of a call that servers/shared/serving.py writes, by the start of the file's name; earlier
# revisions of it, which `run --against` measures, write no CPU time.
_RECORDS = {
    "model": np.dtype([(name, "<i8") for name in _FIELDS]),
    "calls": np.dtype([(name, "<i8") for name in _FIELDS[:3]]),
}
_BATCH_JOB = TypeAdapter(BatchJob)
_THREADS = "threads"
_JOB = "job"  # a JSON object, written whole
KINDS = (*_RECORDS, _THREADS, _JOB)  # of files, by the start of their names


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessCalls:
    """The calls of one process of the server."""

    pid: int  # that the process has for itself; of a function's instance what stands for it
    rows: Ints  # one a call, with the columns of _FIELDS, on the server's clock

    @property
    def last_ns(self) -> int:
        """When its latest call ended, on the server's clock."""
        return int((self.rows[:, 0] + self.rows[:, 1]).max(initial=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRecords:
    """The records of one server's predictors so far."""

    processes: tuple[ProcessCalls, ...] = ()
    threads: tuple[int, ...] = ()  # that share a prediction, of each process that loaded the model
    jobs: tuple[BatchJob, ...] = ()  # that predicted known inputs, in the order of their beginnings
    clock: ServerClock = SAME_CLOCK

    def between(self, start_ns: int, end_ns: int) -> Calls:
        """The calls that began between two moments of this host, relative to the first."""
        parts = [process.rows for process in self.processes]
        rows = np.concatenate(parts) if parts else np.empty((0, len(_FIELDS)), np.int64)
        process = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        began = rows[:, 0] - self.clock.offset_ns
        chosen = np.flatnonzero((began >= start_ns) & (began <= end_ns))
        chosen = chosen[np.argsort(began[chosen], kind="stable")]
        _, duration, batch, cpu = rows[chosen].T
        return Calls(
            start_ns=began[chosen] - start_ns,
            duration_ns=duration,
            batch=batch,
            process=process[chosen].astype(np.int64),
            thread_cpu_ns=cpu,
        )

    def latest(self) -> list[int]:
        """Processes that made predictions, the one with the latest call first."""
        ordered = sorted(self.processes, key=lambda process: -process.last_ns)
        return [process.pid for process in ordered]


def of_folder(trace: Path) -> ServerRecords:
    """The records in a folder of this host, on this host's clock."""
    names = (f"{kind}-*" for kind in KINDS)
    found = {path.name: path.read_bytes() for name in names for path in trace.glob(name)}
    return of_files(found, SAME_CLOCK)


def of_files(files: Mapping[str, bytes], clock: ServerClock) -> ServerRecords:
    """The records in files that a launcher fetched from the server's host, by name.

    A file may end within a record: its process may be killed, or writing still.
    """
    kinds = {name: name.partition("-")[0] for name in sorted(files)}
    told = [files[name] for name, kind in kinds.items() if kind == _THREADS]
    return ServerRecords(
        processes=tuple(
            ProcessCalls(pid=int(_pid(name)), rows=_rows(files[name], _RECORDS[kind]))
            for name, kind in kinds.items()
            if kind in _RECORDS and _pid(name).isdecimal()
        ),
        threads=tuple(int(each) for each in told if each.isdigit()),
        jobs=_jobs(files[name] for name, kind in kinds.items() if kind == _JOB),
        clock=clock,
    )


def is_record(name: str) -> bool:
    """Whether a file of that name is one of these."""
    return name.partition("-")[0] in KINDS


def grows(name: str) -> bool:
    """Whether a file is only appended to, so that what was read of it stays."""
    return name.partition("-")[0] in _RECORDS


def together(parts: Iterable[ServerRecords]) -> ServerRecords:
    """The records of several hosts as those of one server, on the clock of the first."""
    every = tuple(parts)
    if not every:
        return ServerRecords()
    clock = every[0].clock
    unsure_ns = max(part.clock.uncertainty_ns for part in every)
    return ServerRecords(
        processes=tuple(
            _shifted(process, clock.offset_ns - part.clock.offset_ns)
            for part in every
            for process in part.processes
        ),
        threads=tuple(threads for part in every for threads in part.threads),
        jobs=tuple(job for part in every for job in part.jobs),
        clock=replace(clock, uncertainty_ns=unsure_ns),
    )


def _shifted(process: ProcessCalls, by_ns: int) -> ProcessCalls:
    if not by_ns:
        return process
    rows = process.rows.copy()
    rows[:, 0] += by_ns
    return replace(process, rows=rows)


def _jobs(files: Iterable[bytes]) -> tuple[BatchJob, ...]:
    """The records that batch jobs left; anything else in the file is skipped."""
    found = []
    for data in files:
        with suppress(ValueError):  # of pydantic too
            found.append(_BATCH_JOB.validate_json(data))
    return tuple(sorted(found, key=lambda job: job.began_ns))


def _pid(name: str) -> str:
    """The process's id in a file's name, such as `model-17.bin`."""
    return name.partition("-")[2].partition(".")[0]


def _rows(data: bytes, record: np.dtype[np.void]) -> Ints:
    found = np.frombuffer(data, record, count=len(data) // record.itemsize)
    rows = np.full((len(found), len(_FIELDS)), MISSING, np.int64)
    for place, name in enumerate(found.dtype.names or ()):
        rows[:, place] = found[name]
    return rows
