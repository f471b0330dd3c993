"""The records of a front and its instances, read by the harness."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from harness.measure.launch.functions import Steps, records
from harness.windows.invocations import Invocations
from harness.windows.samples import MISSING, Ints

_COLUMNS = tuple(field.name for field in fields(Invocations))
_MOMENTS = ("arrived_ns", "dispatched_ns", "handled_ns", "returned_ns", "answered_ns", "sent_ns")
_RUNTIME, _LOAD, _LOADED = "runtime", "load", "loaded"
_FORM = (_RUNTIME, _LOAD, _LOADED)


def invocations(folder: Path, start_ns: int, end_ns: int) -> Invocations:
    """Requests that arrived between two moments, relative to the first, in that order."""
    rows = _rows(folder / records.INVOCATIONS, len(_COLUMNS))
    rows = rows[(rows[:, 0] >= start_ns) & (rows[:, 0] <= end_ns)]
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    found = dict(zip(_COLUMNS, rows.T.copy(), strict=True))
    for number in np.unique(found["instance"][found["instance"] > 0]):
        _handled(found, int(number), _rows(folder / f"handler-{number}.bin", 2))
    for name in _MOMENTS:
        known = found[name] != MISSING
        found[name][known] -= start_ns
    return Invocations(**found)


def steps(folder: Path) -> tuple[Steps, ...]:
    """The marks of all instances that have loaded their model; of one that was begun twice, the
    later ones."""
    found = []
    for path in folder.glob("steps-*.jsonl"):
        number = path.stem.partition("-")[2]
        marks = {line["step"]: line for line in records.lines(path) if "step" in line}
        if number.isdecimal() and all(name in marks for name in _FORM):
            found.append(
                Steps(
                    number=int(number),
                    runtime_ns=int(marks[_RUNTIME]["at_ns"]),
                    load_ns=int(marks[_LOAD]["at_ns"]),
                    loaded_ns=int(marks[_LOADED]["at_ns"]),
                    major_faults=int(marks[_LOADED]["major_faults"]),
                    image_ns=marks[_RUNTIME].get("image_ns"),
                )
            )
    return tuple(sorted(found, key=lambda each: each.number))


def _rows(path: Path, columns: int) -> Ints:
    """The whole rows of a file; it may end within one that is being written."""
    data = path.read_bytes() if path.exists() else b""
    whole = len(data) // (8 * columns)
    return (
        np.frombuffer(data, "<i8", count=whole * columns).reshape(whole, columns).astype(np.int64)
    )


def _handled(found: dict[str, Ints], number: int, stamps: Ints) -> None:
    """Fill in when the handler began and returned, of an instance that takes one at a time: the
    first stamps since it was given a request, if they are before its answer."""
    if not len(stamps):
        return
    rows = np.flatnonzero((found["instance"] == number) & (found["dispatched_ns"] != MISSING))
    stamps = stamps[np.argsort(stamps[:, 0], kind="stable")]
    place = np.searchsorted(stamps[:, 0], found["dispatched_ns"][rows])
    there = place < len(stamps)
    rows, place = rows[there], place[there]
    began, returned = stamps[place].T
    own = (found["answered_ns"][rows] != MISSING) & (returned <= found["answered_ns"][rows])
    found["handled_ns"][rows[own]] = began[own]
    found["returned_ns"][rows[own]] = returned[own]
