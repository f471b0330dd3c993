from __future__ import annotations

from math import prod
from typing import Any

from mlserver import MLModel
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, RequestInput, ResponseOutput
from serving import load_predictor
from tensors import columns_of, instances_of


class Model(MLModel):
    async def load(self) -> bool:
        self.predictor = load_predictor()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        # In the event loop, as MLServer's own runtimes predict: one call of the model at a time.
        try:
            predictions = self.predictor.predict(instances_in(payload.inputs))
        except ValueError as error:
            raise InferenceError(str(error)) from error
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                output(name, datatype, values)
                for name, (datatype, values) in columns_of(predictions).items()
            ],
        )


def instances_in(inputs: list[RequestInput]) -> list[Any]:
    """Raises ValueError, also where MLServer's batches would hand an answer to the wrong request,
    or none at all: it goes by the shapes alone."""
    if len(inputs) != 1:
        raise ValueError(f"one input tensor is expected, not {len(inputs)}")
    (tensor,) = inputs
    shape = tensor.shape
    instances = instances_of(tensor.name, flat(tensor.data.root), prod(shape[1:]))
    if not instances or shape[:1] != [len(instances)]:
        raise ValueError(f"there are {len(instances)} instances in a tensor of shape {shape}")
    return instances


def flat(data: Any) -> list[Any]:
    """v2 allows a tensor's data to be nested as its shape says."""
    if not isinstance(data, list):
        raise ValueError("a tensor's data must be a list")
    nested = any(isinstance(value, list) for value in data)
    return [leaf for value in data for leaf in flat(value)] if nested else data


def output(name: str, datatype: str, values: list[Any]) -> ResponseOutput:
    # Over gRPC a text must be bytes; over REST MLServer decodes them itself.
    data = [value.encode() for value in values] if datatype == "BYTES" else values
    return ResponseOutput(name=name, datatype=datatype, shape=[len(values), 1], data=data)
