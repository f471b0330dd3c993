"""Instances and predictions as the named tensors of the Open Inference Protocol (v2).

Texts travel as `text` (BYTES, [n, 1]), rows of numbers as `numbers` (FP64, [n, k]), anything else
as `json` (BYTES, [n, 1]). Predictions come back as one tensor for each key, or as `prediction`;
a value other than a scalar comes back as JSON, in a tensor whose name ends in `.json`. Servers of
others answer with names and shapes of their own; see `models`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.base.errors import AnswerError

JSON = ".json"
_DIMENSIONS = 32  # as many as NumPy had


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """A named tensor, its data flat in row-major order."""

    name: str
    datatype: str
    shape: list[int]
    data: list[Any]


def of_instances(instances: list[Any]) -> Tensor:
    """The one input tensor of a request."""
    count = len(instances)
    if all(isinstance(instance, str) for instance in instances):
        return Tensor(name="text", datatype="BYTES", shape=[count, 1], data=list(instances))
    if all(_is_row(instance) for instance in instances) and len(set(map(len, instances))) == 1:
        flat = [float(value) for row in instances for value in row]
        return Tensor(name="numbers", datatype="FP64", shape=[count, len(instances[0])], data=flat)
    return Tensor(
        name="json",
        datatype="BYTES",
        shape=[count, 1],
        data=[json.dumps(instance) for instance in instances],
    )


def signature(instance: Any, prediction: Any) -> dict[str, Any]:
    """Names and datatypes of a model's tensors, for servers that must declare them.

    `{"input": {"name", "datatype", "width"}, "outputs": {name: datatype}}`
    """
    tensor = of_instances([instance])
    found = {"name": tensor.name, "datatype": tensor.datatype, "width": tensor.shape[1]}
    columns = prediction if isinstance(prediction, dict) else {"prediction": prediction}
    outputs = {f"{k}{'' if is_scalar(v) else JSON}": datatype(v) for k, v in columns.items()}
    return {"input": found, "outputs": outputs}


def is_scalar(value: Any) -> bool:
    """Whether a value can be in a tensor."""
    return isinstance(value, str | int | float)


def datatype(value: Any) -> str:
    """The datatype that carries a value; any other than a scalar travels as JSON text."""
    if isinstance(value, bool):
        return "BOOL"
    if isinstance(value, int):
        return "INT64"
    return "FP64" if isinstance(value, float) else "BYTES"


def to_predictions(tensors: list[Tensor]) -> list[Any]:
    """One prediction for each row. Raises AnswerError where the tensors do not fit together."""
    found = columns(tensors, {})
    rows = rows_of(found)
    return [row["prediction"] for row in rows] if list(found) == ["prediction"] else rows


def columns(tensors: Sequence[Tensor], like: Mapping[str, Any]) -> dict[str, list[Any]]:
    """A value for each row, by the tensor's name. Raises AnswerError where they do not fit
    together.

    A row of one number is that number, but where `like` has a list under that name.
    """
    if not tensors:
        raise AnswerError("no output tensors")
    counts = {tensor.shape[0] if tensor.shape else 0 for tensor in tensors}
    if len(counts) != 1 or any(len(t.data) != _size(t) for t in tensors):
        shown = ", ".join(f"{t.name} {t.shape} with {len(t.data)} values" for t in tensors)
        raise AnswerError(f"output tensors do not have one value per row: {shown}")
    found: dict[str, list[Any]] = {}
    for tensor in tensors:
        name = tensor.name.removesuffix(JSON)
        if name in found:
            names = ", ".join(tensor.name for tensor in tensors)
            raise AnswerError(f"two output tensors have one name: {names}")
        found[name] = _rows(tensor, keep=isinstance(like.get(name), list))
    return found


def _size(tensor: Tensor) -> int | None:
    """How many values its shape has room for; None if the shape is invalid."""
    shape = tensor.shape
    if not 0 < len(shape) <= _DIMENSIONS or min(shape) < 0:
        return None
    return shape[0] if tensor.name.endswith(JSON) else math.prod(shape)


def rows_of(found: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """A dictionary for each row."""
    return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]


def _rows(tensor: Tensor, *, keep: bool) -> list[Any]:
    if tensor.name.endswith(JSON):
        return _loaded(tensor)
    inner = tensor.shape[1:]
    if math.prod(inner) == 1 and not keep:
        return list(tensor.data)
    return _nested(tensor.data, tensor.shape)


def _nested(data: list[Any], shape: list[int]) -> list[Any]:
    if len(shape) < 2:
        return list(data)
    size = math.prod(shape[1:])
    parts = [data[place * size : (place + 1) * size] for place in range(shape[0])]
    return [_nested(part, shape[1:]) for part in parts]


def _loaded(tensor: Tensor) -> list[Any]:
    try:
        return [json.loads(text) for text in tensor.data]
    except (ValueError, TypeError, RecursionError) as error:
        name = tensor.name.removesuffix(JSON)
        raise AnswerError(f"output {name!r} holds no JSON") from error


def _is_row(instance: Any) -> bool:
    return (
        isinstance(instance, list)
        and bool(instance)
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in instance)
    )
