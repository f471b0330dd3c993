"""Axes as pure functions: where on an axis a value lies, and which values are written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

_MARGIN = 1.15  # beyond the least and the most of a logarithmic axis
_AROUND = 0.15  # of their span, beyond the least and the most of a linear axis about values
_FEWEST, _FINE = 2, (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
_NINES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """An axis from `low` to `high`."""

    kind: Literal["linear", "log", "nines"]
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]  # (value, text)

    def at(self, value: float) -> float:
        """The place of a value: 0 at the low end, 1 at the high one."""
        low, high = self._turned(self.low), self._turned(self.high)
        return (self._turned(value) - low) / (high - low)

    def _turned(self, value: float) -> float:
        if self.kind == "log":
            return math.log10(value)
        return -math.log10(1 - value) if self.kind == "nines" else value


def log(values: Iterable[float], most_ticks: int = 8) -> Scale:
    """A logarithmic axis that has room for all values above 0."""
    known = [value for value in values if math.isfinite(value) and value > 0]
    low, high = (min(known), max(known)) if known else (1.0, 10.0)
    low, high = low / _MARGIN, max(high * _MARGIN, low * 2)
    ticks = log_ticks(low, high, most_ticks)
    return Scale(kind="log", low=low, high=high, ticks=tuple((tick, text(tick)) for tick in ticks))


def text(value: float) -> str:
    """The text beside an axis; large values are written in thousands, to fit."""
    for least, size, letter in ((1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= least:
            return f"{value / size:,.12g}{letter}"
    return f"{value:,.12g}"


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Steps of 1-2-5, of powers of ten, or of fewer of those: the most of them within a range."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps, stride in (((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 3), ((1,), 6)):
        powers = [power for power in range(first, last + 1) if power % stride == 0]
        found = [float(f"{step}e{power}") for power in powers for step in steps]
        found = [tick for tick in found if low * 0.999 <= tick <= high * 1.001]
        if len(found) <= most:
            break
    if len(found) < _FEWEST:  # a range as narrow as that has room for finer steps
        powers = list(range(first, last + 1))
        finer = [float(f"{step}e{power}") for power in powers for step in _FINE]
        finer = [tick for tick in finer if low * 0.999 <= tick <= high * 1.001]
        found = finer if len(finer) <= most else found
    return found


def linear(values: Iterable[float], most_ticks: int = 6) -> Scale:
    """An axis from 0 that has room for all values."""
    top = max((value for value in values if math.isfinite(value)), default=1.0) or 1.0
    power = 10.0 ** math.floor(math.log10(top))
    sizes = [step * power / 10 for step in (1, 2, 5, 10, 20, 50)]
    step = next(size for size in sizes if top / size <= most_ticks - 1)
    ticks = tuple((n * step, text(n * step)) for n in range(int(top * 1.02 / step) + 1))
    return Scale(kind="linear", low=0.0, high=top * 1.04, ticks=ticks)


def around(values: Iterable[float], most_ticks: int = 5) -> Scale:
    """An axis about all values, which need not reach down to 0."""
    known = [value for value in values if math.isfinite(value)] or [1.0]
    low, high = min(known), max(known)
    margin = _AROUND * (high - low) or 0.1 * abs(high) or 1.0
    low, high = low - margin, high + margin
    power = 10.0 ** math.floor(math.log10(high - low))
    sizes = [step * power / 10 for step in (1, 2, 5, 10, 20, 50)]
    step = next(size for size in sizes if (high - low) / size <= most_ticks)
    first, last = math.ceil(low / step), math.floor(high / step)
    ticks = tuple((n * step, text(n * step)) for n in range(first, last + 1))
    return Scale(kind="linear", low=low, high=high, ticks=ticks)


def lines(count: int) -> Scale:
    """An axis of lines from the top to the bottom; the middle of line n is at n + 0.5."""
    return Scale(kind="linear", low=float(count), high=0.0, ticks=())


def nines(end: float) -> Scale:
    """An axis of shares from 0 to `end`, below 1, on which each further nine takes as much room."""
    ticks = tuple((share, f"{100 * share:g}%") for share in _NINES if share <= end)
    return Scale(kind="nines", low=0.0, high=1 - (1 - end) / 1.05, ticks=ticks)


def apart(places: Sequence[float], room: float, low: float, high: float) -> list[float]:
    """The places moved so that each two of them have `room` between them, all within a range.

    Where there is not enough room, they share what there is. charts.js has the same.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    room = min(room, (high - low) / max(len(places) - 1, 1))
    found = list(places)
    least = low
    for index in order:
        found[index] = max(found[index], least)
        least = found[index] + room
    most = high
    for index in reversed(order):
        found[index] = min(found[index], most)
        most = found[index] - room
    return found
