"""How the points of a sweep are called: what makes them and what reads them agree on it here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.stored.records import Cell

_NAMED = re.compile(r"(?P<base>.+)-(?P<axis>[a-z]+)-(?P<value>[1-9][0-9]*)(?P<rest>@.*)?")


@dataclass(frozen=True, slots=True)
class Place:
    """A point of a sweep: a variant on a benchmark, at a value of an axis."""

    variant: str
    benchmark: str
    axis: str
    value: int


def named(base: str, axis: str, value: int | None = None) -> str:
    """What is changed has the value in its name; the other has a name of its own at least."""
    return f"{base}-{axis}" if value is None else f"{base}-{axis}-{value}"


def place(cell: Cell) -> Place | None:
    """Where on its axis a cell of a sweep lies; None where its names don't say."""
    found = _NAMED.fullmatch(cell.benchmark)
    if found is not None:
        return Place(cell.variant, found["base"], found["axis"], int(found["value"]))
    found = _NAMED.fullmatch(cell.variant)
    if found is None or not cell.benchmark.endswith(f"-{found['axis']}"):
        return None
    benchmark = cell.benchmark.removesuffix(f"-{found['axis']}")
    variant = found["base"] + (found["rest"] or "")
    return Place(variant, benchmark, found["axis"], int(found["value"]))
