"""Energy that the CPU packages of this machine used, from the kernel's RAPL counters."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

_POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True, slots=True)
class Counter:
    """One package's counter, in microjoules; after `range_uj` it starts again at 0."""

    used_uj: int
    range_uj: int


@dataclass(frozen=True, slots=True)
class Energy:
    """The counters of all packages at one moment."""

    at_ns: int
    counters: dict[str, Counter]  # by the zone's name; none where they can't be read

    @staticmethod
    def now(folder: Path = _POWERCAP) -> Energy:
        """Read the counters. Most kernels let only root do that, and virtual machines have none."""
        try:
            zones = {p.name: p for p in folder.glob("intel-rapl:*") if _is_package(p)}
            found = {name: _counter(zone) for name, zone in zones.items()}
        except (OSError, ValueError):
            found = {}  # a part of the packages would be told as all of them
        return Energy(time.monotonic_ns(), found)

    def joules_until(self, later: Energy) -> float | None:
        """Used between the two moments; None where it is not known.

        A counter that went back has started again, once: at 300 W it takes a quarter of an hour to
        come round, and no window lasts that long.
        """
        if not self.counters or self.counters.keys() != later.counters.keys():
            return None
        used_uj = 0
        for name, counter in self.counters.items():
            more = later.counters[name].used_uj - counter.used_uj
            used_uj += more if more >= 0 else more + counter.range_uj
        return used_uj / 1e6

    def seconds_until(self, later: Energy) -> float:
        """Between the two moments."""
        return (later.at_ns - self.at_ns) / 1e9


def _is_package(zone: Path) -> bool:
    """Whether it is a whole package: not a part of one, nor the sum that some laptops have."""
    whole = re.fullmatch(r"intel-rapl:\d+", zone.name)
    return whole is not None and (zone / "name").read_text().startswith("package")


def _counter(zone: Path) -> Counter:
    used, limit = (zone / name for name in ("energy_uj", "max_energy_range_uj"))
    return Counter(int(used.read_text()), int(limit.read_text()))
