"""What the harness says, as JSON that can be compared: every value, and no wording.

A sentence may be bettered, so that it counts only that there is one. A new key may come with a new
metric; one that was there, and every value, stays.
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

SENTENCE = "…"
# Text for a reader, or a list of such.
WORDING = frozenset(
    (
        *("headlines", "title", "definition", "reason", "message", "said", "why", "why_not"),
        *("note", "notes", "damaged", "problems", "answer", "what", "beyond", "failed"),
        *("doubt", "invalid", "ended", "log_end"),
    )
)
PLACES = frozenset(("report", "results", "written"))  # paths of where it was made
_RELATIVE, _ABSOLUTE = 1e-9, 1e-12
_DIGITS = 12
_WHOLE = 12  # values of an array that are kept one by one; of a longer one, what they come to


def plain(value: Any, key: str = "") -> Any:
    """Data, records and arrays as JSON."""
    if key in WORDING:
        return _unworded(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): plain(v, str(k)) for k, v in value.items() if k not in PLACES}
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    if isinstance(value, enum.Enum):
        return plain(value.value)
    return _number(value)


def differences(then: Any, now: Any, at: str = "") -> Iterator[str]:
    """Where a value is not what it was."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key, value in then.items():
            if key in now:
                yield from differences(value, now[key], f"{at}/{key}")
            else:
                yield f"{at}/{key} is gone"
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for number, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from differences(one, other, f"{at}/{number}")
    elif not _same(then, now):
        yield f"{at} was {_short(then)}, is {_short(now)}"


def _same(then: Any, now: Any) -> bool:
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (then, now))
    if numbers:
        return math.isclose(then, now, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return type(then) is type(now) and bool(then == now)


def _unworded(value: Any) -> Any:
    """A mark in place of each sentence."""
    if isinstance(value, str):
        return SENTENCE if value else ""
    if isinstance(value, (list, tuple)):
        return [_unworded(each) for each in value]
    return plain(value)


def _array(values: Any) -> Any:
    """A short array as a list; a long one as its length and what its finite values come to."""
    if values.ndim == 1 and len(values) <= _WHOLE:
        return [_number(value) for value in values.tolist()]
    known = values[np.isfinite(values)].astype(np.float64)
    return {
        "shape": list(values.shape),
        "finite": len(known),
        "sum": _number(float(known.sum())),
        "squares": _number(float((known**2).sum())),
    }


def _number(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else str(value)
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
