"""Loads that are too small or too large, refused before anything is sent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.base.errors import UsageError

if TYPE_CHECKING:
    from harness.windows.profiles import Profile

# A request's plan, its stamps, and copies of both on their way between processes.
_BYTES_OF_REQUEST = 250
_BYTES_OF_CALLER = 20_000  # a connection with its buffers and its parser
_SHORTEST_S = 0.01  # of a closed loop: a process may wait as long for its CPU
LONGEST_S = 1e7  # a third of a year; nanoseconds of much more have no room in 64 bits
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def require_some(profile: Profile) -> None:
    """Raises UsageError for a window in which not one request would be due on average: one that is
    sent all the same would be of another rate."""
    from harness.windows.profiles import expected_count

    if not profile.is_open:
        _require_some_of_callers(profile)
        return
    if (count := expected_count(profile)) >= 1 - 1e-9:
        return
    wanted_s = profile.duration_s / count if count > 0 else math.inf
    said = f"In {profile.duration_s:g} s at {profile.rate_per_s:g}/s no request is due"
    if wanted_s > LONGEST_S:
        raise UsageError(f"{said}, nor in any window of acceptable length: give a higher --rate.")
    raise UsageError(f"{said}: give --duration {_up(wanted_s):g} or more, or a higher --rate.")


def _require_some_of_callers(profile: Profile) -> None:
    if profile.duration_s < _SHORTEST_S:
        raise UsageError(
            f"In {profile.duration_s:g} s a caller may not get to its first request: give "
            f"--duration {_SHORTEST_S:g} or more."
        )
    callers = profile.concurrency or 0
    if profile.think_s is not None and callers * profile.duration_s < profile.think_s:
        raise UsageError(
            f"In {profile.duration_s:g} s, {callers} users, who think {profile.think_s:g} s on "
            f"average, send nothing: give --duration {_up(profile.think_s / callers):g} or more, "
            "more users, or a shorter --think."
        )


def require_room(profile: Profile) -> None:
    """Raises UsageError for a load whose record this machine's memory has no room for."""
    from harness.measure.watch import host
    from harness.windows.profiles import expected_count

    if profile.is_open:
        count, each = expected_count(profile), _BYTES_OF_REQUEST
        what = f"{count:.3g} requests" if math.isfinite(count) else "So many requests"
    else:
        count, each = float(profile.concurrency or 0), _BYTES_OF_CALLER
        what = f"{count:.0f} callers"
    needed, free = count * each, host.free_memory_bytes()
    if needed > free:
        less = "a lower --rate or a shorter --duration" if profile.is_open else "fewer"
        raise UsageError(
            f"{what} would take {_size(needed)} of memory, but only {_size(free)} are free: give "
            f"{less}."
        )


def _size(count: float) -> str:
    if not math.isfinite(count):
        return "more than 10^308 bytes"
    unit = 0
    while count >= 1024 and unit < len(_UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.3g} {_UNITS[unit]}"


def _up(seconds: float) -> float:
    """Rounded up to two digits, so that it is long enough."""
    step = 10.0 ** (math.floor(math.log10(seconds)) - 1)
    return math.ceil(seconds / step - 1e-9) * step
