"""Watching a server while a window runs: what its processes use, and what its predictor does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from harness.hosts import HostWatch
from harness.measure.energy import Energy
from harness.measure.launchers import Launched
from harness.measure.moment import Watcher
from harness.samples import (
    MISSING,
    Calls,
    Usage,
    empty,
    usage,
)

_RECORD = np.dtype([("start", "<i8"), ("duration", "<i8"), ("batch", "<i8")])


class Meter:
    """Samples a server, and the host, while a window runs."""

    def __init__(
        self, launched: Launched, gpu: Callable[[], dict[str, int]], cpus: Sequence[int]
    ) -> None:
        self._launched = launched
        self._gpu = gpu
        self._rows: list[dict[str, int]] = []
        self._watcher = Watcher(cpus)
        self.steal_share: float | None = None
        self.cpu_energy_j: float | None = None
        self.cpu_energy_s: float | None = None
        self.host: HostWatch | None = None

    def sample(self, *, pss: bool = False) -> None:
        if not pss:  # at the window's ends the CPUs are idle
            self._watcher.sample()
        row = self._launched.sample(pss=pss)
        if row is not None:
            self._rows.append({"at_ns": time.monotonic_ns(), **row, **self._gpu()})

    def energy(self, before: Energy, after: Energy) -> None:
        """Note what this machine used, if it is the server's."""
        joules = before.joules_until(after)
        if joules is not None and self._rows:
            self.cpu_energy_j, self.cpu_energy_s = joules, before.seconds_until(after)

    def end(self) -> None:
        """No more of the host."""
        self.steal_share, self.host = self._watcher.end()

    def usage(self, start_ns: int) -> Usage:
        """The samples as columns."""
        if not self._rows:
            nothing: Usage = empty(Usage)
            return nothing
        names = dict.fromkeys(name for row in self._rows for name in row)
        columns = {
            name: np.array([row.get(name, MISSING) for row in self._rows], dtype=np.int64)
            for name in names
        }
        return usage(columns.pop("at_ns") - start_ns, **columns)


@contextmanager
def measuring(
    launched: Launched, gpu: Callable[[], dict[str, int]], cpus: Sequence[int]
) -> Iterator[Meter]:
    """Sample a server and its CPUs for as long as the context lasts, its memory at both ends."""
    meter = Meter(launched, gpu, cpus)
    meter.sample(pss=True)
    energy = Energy.now()
    yield meter
    meter.energy(energy, Energy.now())
    meter.end()
    meter.sample(pss=True)


def read_calls(trace: Path, start_ns: int, end_ns: int) -> Calls:
    """The predictor's calls that began between the two moments, relative to the first."""
    parts = [np.fromfile(path, _RECORD) for path in sorted(trace.glob("calls-*.bin"))]
    rows = np.concatenate(parts) if parts else np.empty(0, _RECORD)
    process = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    chosen = np.flatnonzero((rows["start"] >= start_ns) & (rows["start"] <= end_ns))
    chosen = chosen[np.argsort(rows["start"][chosen], kind="stable")]
    start, duration, batch = (rows[chosen][name].astype(np.int64) for name in _RECORD.names or ())
    return Calls(start - start_ns, duration, batch, process[chosen].astype(np.int64))
