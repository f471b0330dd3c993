"""Watching a server while a window runs: what its processes use, and what its predictor does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from harness.measure.launch.launchers import Launched
from harness.measure.load.generator.job import Fired
from harness.measure.watch.energy import Energy
from harness.measure.watch.moment import Watcher
from harness.stored.clocks import ServerClock
from harness.stored.hosts import HostWatch
from harness.stored.records import WindowFacts
from harness.windows.causes import without_secrets
from harness.windows.profiles import Profile
from harness.windows.samples import MISSING, Usage, empty, usage


class Meter:
    """Samples a server, and the host, while a window runs."""

    def __init__(
        self,
        launched: Launched,
        gpu: Callable[[], dict[str, int]],
        cpus: Sequence[int],
        *,
        here: bool,
    ) -> None:
        self._launched = launched
        self._here = here
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
            seen = self._gpu() if self._here else {}
            self._rows.append({"at_ns": time.monotonic_ns(), **row, **seen})

    def energy(self, before: Energy, after: Energy) -> None:
        """Note what this machine used, if it is the server's."""
        joules = before.joules_until(after)
        if joules is not None and self._here and self._rows:
            self.cpu_energy_j, self.cpu_energy_s = joules, before.seconds_until(after)

    def end(self) -> None:
        """No more of the host."""
        self.steal_share, self.host = self._watcher.end()

    def facts(
        self, profile: Profile, timeout_ns: int, fired: Fired, cpus: int, clock: ServerClock
    ) -> WindowFacts:
        """The facts about the window without its answers; without CPUs, the server fired it
        itself."""
        return WindowFacts(
            profile=profile,
            elapsed_s=fired.elapsed_s,
            generator_cpu_s=fired.cpu_s,
            wire=fired.wire,
            generator_cpus=len(fired.workers) or cpus,
            steal_share=self.steal_share,
            checked=0,
            wrong=0,
            workers=fired.workers,
            cpu_energy_j=self.cpu_energy_j,
            cpu_energy_s=self.cpu_energy_s,
            host=self.host,
            addresses=fired.addresses,
            causes=without_secrets(fired.causes, (v for _, v in self._launched.headers)),
            timeout_s=timeout_ns / 1e9,
            server_clock=clock,
        )

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
    launched: Launched,
    gpu: Callable[[], dict[str, int]],
    cpus: Sequence[int],
    *,
    here: bool = True,
) -> Iterator[Meter]:
    """Sample a server and its CPUs for as long as the context lasts, its memory at both ends;
    unless the server is `here`, this host's energy is not its own."""
    meter = Meter(launched, gpu, cpus, here=here)
    meter.sample(pss=True)
    energy = Energy.now()
    yield meter
    meter.energy(energy, Energy.now())
    meter.end()
    meter.sample(pss=True)
