"""An answer that a smaller model gave where the caller is: it says so, and need be a prediction."""

from __future__ import annotations

import json
from typing import Any


def is_local(body: bytes) -> bool:
    """Whether an answer says that the smaller model gave it."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and answer.get("local") is True


def alike(expected: Any, actual: Any) -> bool:
    """Whether a prediction has the form of the reference's: parts, and kinds of values."""
    if isinstance(expected, dict):
        same = isinstance(actual, dict) and expected.keys() == actual.keys()
        return same and all(alike(value, actual[key]) for key, value in expected.items())
    if isinstance(expected, list):
        return isinstance(actual, list)
    if isinstance(expected, bool) or isinstance(actual, bool):
        return isinstance(expected, bool) and isinstance(actual, bool)
    if isinstance(expected, int | float):
        # A comparison with NaN is false, as are all with what is beyond floats.
        return isinstance(actual, int | float) and abs(actual) < float("inf")
    return isinstance(actual, type(expected))
