"""On the PYTHONPATH of every server process: instances and predictions as v2's named tensors.

The other side of `harness/protocols/tensors.py`, free of any framework's tensor class.
"""

from __future__ import annotations

import json
from typing import Any


def instances_of(name: str, values: list[Any], width: int) -> list[Any]:
    """The instances in an input tensor's flat values, `width` a row.

    Raises ValueError for a tensor that is none of the model's.
    """
    if width < 1:
        raise ValueError(f"a row of {width} values is none")
    if name == "numbers":
        return [values[at : at + width] for at in range(0, len(values), width)]
    if name not in ("text", "json"):
        raise ValueError(f"the model has no input {name!r}: send text, numbers or json")
    texts = [_text(value) for value in values]
    return texts if name == "text" else [_parsed(text) for text in texts]


def columns_of(predictions: list[Any]) -> dict[str, tuple[str, list[Any]]]:
    """Output tensors by name: (datatype, one value for each prediction)."""
    rows = [p if isinstance(p, dict) else {"prediction": p} for p in predictions]
    found = {}
    for name in rows[0] if rows else {}:
        values = [row[name] for row in rows]
        if all(isinstance(value, (str, int, float)) for value in values):
            found[name] = _column(values)
        else:
            found[f"{name}.json"] = "BYTES", [json.dumps(value) for value in values]
    return found


def _column(values: list[Any]) -> tuple[str, list[Any]]:
    if all(isinstance(value, bool) for value in values):
        return "BOOL", values
    if all(isinstance(value, int) for value in values):
        return "INT64", values
    if all(isinstance(value, (int, float)) for value in values):
        return "FP64", [float(value) for value in values]
    return "BYTES", [str(value) for value in values]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()  # UnicodeDecodeError is a ValueError
    if not isinstance(value, str):
        raise ValueError(f"a text is expected, not {type(value).__name__}")
    return value
