"""The metadata of a model of the Open Inference Protocol: names, datatypes, shapes.

Instances and predictions are laid into the tensors that it names, whatever their names are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from harness.base.errors import AnswerError, UsageError
from harness.protocols import parsed, start
from harness.protocols.tensors import JSON, Tensor, columns, rows_of

_WHOLE = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
_FLOATS = ("FP16", "FP32", "FP64")


@dataclass(frozen=True, slots=True)
class Spec:
    """One tensor of a model; -1 in a shape is any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The tensors of a model, and what an instance and its prediction look like."""

    inputs: tuple[Spec, ...]
    outputs: tuple[Spec, ...]
    payload: Any  # some instance
    prediction: Any = None  # its right prediction; None: not known

    @property
    def whole(self) -> bool:
        """Whether its tensors have no dimension for more instances than one."""
        return any(
            spec.shape and _fit(spec.shape, [1, *_sizes(value)]) is None
            for spec, value in zip(self.inputs, self._values(self.payload), strict=True)
        )

    def tensors(self, instances: Sequence[Any]) -> list[Tensor]:
        """The input tensors of a request. Raises UsageError for instances that do not fit."""
        values = [self._values(instance) for instance in instances]
        return [
            _tensor(spec, [row[place] for row in values]) for place, spec in enumerate(self.inputs)
        ]

    def predictions(self, outputs: Sequence[Tensor]) -> list[Any]:
        """One prediction for each row of the outputs. Raises AnswerError."""
        like = self.prediction
        if self.whole:
            outputs = [
                Tensor(name=t.name, datatype=t.datatype, shape=[1, *t.shape], data=t.data)
                for t in outputs
            ]
        alone = len(outputs) == 1
        if alone and not (isinstance(like, dict) and outputs[0].name in like):
            name = outputs[0].name.removesuffix(JSON)
            return [row[name] for row in rows_of(columns(outputs, {name: like}))]
        found = rows_of(columns(outputs, like if isinstance(like, dict) else {}))
        if isinstance(like, dict) and all(like.keys() <= row.keys() for row in found):
            return [{key: row[key] for key in like} for row in found]  # the model may tell more
        return found

    def _values(self, instance: Any) -> list[Any]:
        """The values of each input."""
        names = [spec.name for spec in self.inputs]
        if isinstance(instance, dict) and all(name in instance for name in names):
            return [instance[name] for name in names]
        if len(names) == 1:
            return [_text(instance) if self.inputs[0].datatype == "BYTES" else instance]
        if isinstance(instance, list) and len(instance) == len(names):
            return instance
        raise UsageError(
            f"The model has the inputs {', '.join(names)}: an instance must be an object with "
            f"those keys, or a list of {len(names)}."
        )


def of_metadata(body: bytes, payload: Any, prediction: Any) -> Model | None:
    """The model that a server's metadata tells of; None where they tell no inputs.

    Raises AnswerError if the bytes are not metadata.
    """
    told = parsed(body)
    try:
        inputs = tuple(_spec(each) for each in told.get("inputs") or ())
        outputs = tuple(_spec(each) for each in told.get("outputs") or ())
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnswerError(f"no metadata of a model in {start(body)}") from error
    return (
        Model(inputs=inputs, outputs=outputs, payload=payload, prediction=prediction)
        if inputs
        else None
    )


def _spec(told: dict[str, Any]) -> Spec:
    # Some write sizes as text, since their gateway carries 64-bit integers so.
    shape = tuple(int(size) for size in told.get("shape") or ())
    return Spec(str(told["name"]), str(told["datatype"]), shape)


def _text(value: Any) -> Any:
    """A text, or texts in lists, as they are; anything else as its JSON."""
    leaves = [value] if isinstance(value, str) else _flat(value) if isinstance(value, list) else []
    return value if leaves and all(isinstance(v, str) for v in leaves) else json.dumps(value)


def _tensor(spec: Spec, values: list[Any]) -> Tensor:
    sizes = [_sizes(value) for value in values]
    if any(size != sizes[0] for size in sizes):
        raise UsageError(f"The input {spec.name!r}: the instances of a request differ in shape.")
    together = [len(values), *sizes[0]]
    shape = _fit(spec.shape, together) if spec.shape else together
    if shape is None and len(values) == 1:
        shape = _fit(spec.shape, sizes[0])
    if shape is None:
        raise UsageError(
            f"The input {spec.name!r} has the shape {list(spec.shape)}: an instance of the shape "
            f"{sizes[0]} does not fit it{f', nor {len(values)} of them' if values[1:] else ''}."
        )
    return Tensor(
        name=spec.name,
        datatype=spec.datatype,
        shape=shape,
        data=[_cast(spec, v) for v in _flat(values)],
    )


def _fit(wanted: Sequence[int], sizes: Sequence[int]) -> list[int] | None:
    """The sizes with ones where a shape has more dimensions; None where they are not of it."""
    if not wanted:
        return None if sizes else []
    first, rest = wanted[0], wanted[1:]
    if sizes and first in (-1, sizes[0]):
        fitted = _fit(rest, sizes[1:])
        if fitted is not None:
            return [sizes[0], *fitted]
    if first in (-1, 1) and len(wanted) > len(sizes):
        fitted = _fit(rest, sizes)
        return None if fitted is None else [1, *fitted]
    return None


def _sizes(value: Any) -> list[int]:
    """The shape of nested lists. Raises UsageError where they are ragged."""
    if not isinstance(value, list):
        return []
    inner = [_sizes(each) for each in value]
    if any(size != inner[0] for size in inner):
        raise UsageError("An instance whose lists differ in length is not a tensor.")
    return [len(value), *(inner[0] if inner else [])]


def _flat(value: Any) -> list[Any]:
    if not isinstance(value, list):
        return [value]
    return list(chain.from_iterable(map(_flat, value)))


def _cast(spec: Spec, value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if spec.datatype in _FLOATS and number:
        return float(value)
    if spec.datatype in _WHOLE and number and value == int(value):
        return int(value)
    if spec.datatype == "BOOL" and isinstance(value, bool):
        return value
    if spec.datatype == "BYTES":
        return value if isinstance(value, str) else json.dumps(value)
    raise UsageError(f"The input {spec.name!r} is {spec.datatype}, which {value!r} can't be.")
