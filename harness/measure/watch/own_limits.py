"""The limits that the harness's own control group sets: a container, a systemd unit, a batch job.

The limits of all groups above count too. Formats as in `containers.cgroup`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.measure.launch.containers.cgroup import ROOT

_NO_LIMIT_BYTES = 1 << 62  # version 1 says so by a number near 2^63


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limit; None if there is none, or the kernel does not show it."""

    cpus: float | None = None  # CPU seconds a second
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None  # of the group that is limited
    throttled_ns: int | None = None  # how long it was kept from running, since its beginning


def read(root: Path = ROOT, proc: Path = Path("/proc")) -> Limits:
    """The tightest of the limits of this process's groups."""
    places = _places(proc)
    quotas, throttled, memory = [], [], []
    for folder in _upwards(root, places, "cpu"):
        quotas.append(_quota(folder))
        throttled.append(_throttled_ns(folder))
    for folder in _upwards(root, places, "memory"):
        memory.append(_memory(folder))
    limited = [found for found in memory if found is not None]
    least = min(limited, default=(None, None), key=lambda found: found[0] or 0)
    return Limits(
        cpus=min((quota for quota in quotas if quota is not None), default=None),
        memory_bytes=least[0],
        memory_used_bytes=least[1],
        throttled_ns=max((each for each in throttled if each is not None), default=None),
    )


def _places(proc: Path) -> dict[str, str]:
    """The path of this process's group by controller; that of version 2 has no name."""
    found: dict[str, str] = {}
    for line in (_text(proc / "self" / "cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        found |= dict.fromkeys(controllers.split(","), path.lstrip("/"))
    return found


def _upwards(root: Path, places: dict[str, str], controller: str) -> Iterator[Path]:
    """The group's folder and those above it, down to where the hierarchy is mounted."""
    base = root / controller if controller in places else root
    path = Path(places.get(controller, places.get("", "")))
    for part in (path, *path.parents):
        if ".." not in part.parts:  # seen from another namespace
            yield base / part


def _quota(folder: Path) -> float | None:
    words = (_text(folder / "cpu.max") or "").split()
    if not words:
        words = [
            (_text(folder / f"cpu.cfs_{name}_us") or "").strip() for name in ("quota", "period")
        ]
    quota, period = (int(word) if word.isdigit() else 0 for word in (*words, "", "")[:2])
    return quota / period if quota > 0 and period > 0 else None


def _throttled_ns(folder: Path) -> int | None:
    table = dict(line.split()[:2] for line in (_text(folder / "cpu.stat") or "").splitlines())
    if "throttled_usec" in table:
        return int(table["throttled_usec"]) * 1000
    return int(table["throttled_time"]) if "throttled_time" in table else None


def _memory(folder: Path) -> tuple[int, int | None] | None:
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        text = (_text(folder / limit) or "").strip()
        if text.isdigit() and int(text) < _NO_LIMIT_BYTES:
            current = (_text(folder / used) or "").strip()
            return int(text), int(current) if current.isdigit() else None
    return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeError):
        return None
