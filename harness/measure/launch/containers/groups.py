"""The kernel's figures of the containers that are one server: its own, and those beside it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from harness.measure.launch.containers.cgroup import Cgroup
from harness.measure.watch import tree


@dataclass(frozen=True, slots=True)
class Lasting:
    """A control group that goes when its container dies and comes back with it, empty: what was
    counted until then stays counted."""

    group: Cgroup
    _counted: dict[str, tuple[int, int]] = field(default_factory=dict)

    def cpu_ns(self) -> int:
        return self._count("cpu_ns")

    def throttled_ns(self) -> int:
        return self._count("throttled_ns")

    def out_of_memory(self) -> int:
        return self._count("out_of_memory")

    def memory_bytes(self) -> int:
        with suppress(OSError):
            return self.group.memory_bytes()
        return 0

    def memory_peak_bytes(self) -> int:
        with suppress(OSError):
            return self.group.memory_peak_bytes() or 0
        return 0

    def pids(self) -> list[int]:
        return self.group.pids()

    def _count(self, name: str) -> int:
        before, last = self._counted.get(name, (0, 0))
        try:
            now = int(getattr(self.group, name)())
        except OSError:
            now = 0
        if now < last:
            before += last
        self._counted[name] = (before, now)
        return before + now


def sample(own: Cgroup, beside: Sequence[Lasting], *, pss: bool) -> dict[str, int] | None:
    """Columns of Usage; None where the server's own container has ended."""
    try:
        found = {
            "cpu_ns": own.cpu_ns(),
            "memory_bytes": own.memory_bytes(),
            "throttled_ns": own.throttled_ns(),
        }
    except OSError:
        return None
    for group in beside:
        found["cpu_ns"] += group.cpu_ns()
        found["memory_bytes"] += group.memory_bytes()
        found["throttled_ns"] += group.throttled_ns()
        group.out_of_memory()  # what it counted would go with it
    pids = own.pids() + [pid for group in beside for pid in group.pids()]
    return {**found, **tree.of_processes(pids, pss=pss)}


def counts(
    own: Cgroup | None, beside: Sequence[Lasting]
) -> tuple[int | None, float | None, int | None]:
    """(the sum of the most memory that each held, seconds throttled, processes killed for memory)
    of all of them; None where the kernel does not tell."""
    with suppress(OSError, KeyError):
        if own is not None:
            peak = own.memory_peak_bytes()
            return (
                None if peak is None else peak + sum(g.memory_peak_bytes() for g in beside),
                (own.throttled_ns() + sum(g.throttled_ns() for g in beside)) / 1e9,
                own.out_of_memory() + sum(g.out_of_memory() for g in beside),
            )
    return None, None, None
