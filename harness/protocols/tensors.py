"""Instances and predictions as the named tensors of the Open Inference Protocol (v2).

Texts travel as `text` (BYTES, [n, 1]), rows of numbers as `numbers` (FP64, [n, k]), anything else
as `json` (BYTES, [n, 1]). Predictions come back as one tensor for each key, or as `prediction`;
what is no scalar comes back as JSON, in a tensor whose name ends in `.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from harness.errors import AnswerError

JSON = ".json"


@dataclass(frozen=True, slots=True)
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
        return Tensor("text", "BYTES", [count, 1], list(instances))
    if all(_is_row(instance) for instance in instances) and len(set(map(len, instances))) == 1:
        flat = [float(value) for row in instances for value in row]
        return Tensor("numbers", "FP64", [count, len(instances[0])], flat)
    return Tensor("json", "BYTES", [count, 1], [json.dumps(instance) for instance in instances])


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
    """The datatype that carries a value; what is no scalar travels as JSON text."""
    if isinstance(value, bool):
        return "BOOL"
    if isinstance(value, int):
        return "INT64"
    return "FP64" if isinstance(value, float) else "BYTES"


def to_predictions(tensors: list[Tensor]) -> list[Any]:
    """One prediction for each row. Raises AnswerError where the tensors do not fit together."""
    if not tensors:
        raise AnswerError("no output tensors")
    counts = {tensor.shape[0] if tensor.shape else 0 for tensor in tensors}
    if len(counts) != 1 or any(len(t.data) != next(iter(counts)) for t in tensors):
        shown = ", ".join(f"{t.name} {t.shape} with {len(t.data)} values" for t in tensors)
        raise AnswerError(f"output tensors are not one value a row: {shown}")
    tensors = [_loaded(tensor) if tensor.name.endswith(JSON) else tensor for tensor in tensors]
    names = [tensor.name for tensor in tensors]
    if len(set(names)) < len(names):
        raise AnswerError(f"two output tensors have one name: {', '.join(names)}")
    if names == ["prediction"]:
        return list(tensors[0].data)
    rows = zip(*(tensor.data for tensor in tensors), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _loaded(tensor: Tensor) -> Tensor:
    try:
        values = [json.loads(text) for text in tensor.data]
    except (ValueError, TypeError, RecursionError) as error:
        raise AnswerError(f"output {tensor.name!r} holds no JSON") from error
    return Tensor(tensor.name.removesuffix(JSON), tensor.datatype, tensor.shape, values)


def _is_row(instance: Any) -> bool:
    return (
        isinstance(instance, list)
        and bool(instance)
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in instance)
    )
