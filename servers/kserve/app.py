from __future__ import annotations

import struct
from math import prod
from typing import Any

from kserve import InferOutput, InferRequest, InferResponse, Model
from kserve.errors import InvalidInput
from kserve.utils.utils import generate_uuid
from loopback import ModelServer
from serving import load_predictor
from tensors import columns_of, instances_of

Payload = dict[str, Any] | InferRequest  # of v1 and of v2


class Served(Model):
    def __init__(self) -> None:
        super().__init__("model")
        self.predictor = load_predictor()
        self.ready = True

    def predict(
        self,
        payload: Payload,
        headers: dict[str, str] | None = None,  # noqa: ARG002
    ) -> dict[str, Any] | InferResponse:
        # Not async: KServe then calls it in its event loop, one call of the model at a time.
        try:
            predictions = self.predictor.predict(instances_in(payload))
        except ValueError as error:
            raise InvalidInput(str(error)) from error
        if isinstance(payload, InferRequest):
            return response_to(payload, predictions)
        return {"predictions": predictions}


def instances_in(payload: Payload) -> list[Any]:
    """Raises ValueError for what is no request to the model."""
    if not isinstance(payload, InferRequest):
        instances = payload.get("instances") if isinstance(payload, dict) else None
        if not isinstance(instances, list):
            raise ValueError('the body must be an object with a list "instances"')
        return instances
    if len(payload.inputs) != 1:
        raise ValueError(f"one input tensor is expected, not {len(payload.inputs)}")
    (tensor,) = payload.inputs
    try:
        rows = tensor.as_numpy()
    except (TypeError, struct.error) as error:
        raise ValueError(f"{tensor.name} is no {tensor.datatype} tensor: {error}") from error
    instances = instances_of(tensor.name, rows.ravel().tolist(), prod(rows.shape[1:]))
    if rows.shape[:1] != (len(instances),):
        raise ValueError(f"there are {len(instances)} instances in a tensor of shape {rows.shape}")
    return instances


def response_to(request: InferRequest, predictions: list[Any]) -> InferResponse:
    return InferResponse(
        response_id=request.id or generate_uuid(),
        model_name="model",
        infer_outputs=[
            InferOutput(name, [len(values), 1], datatype, values)
            for name, (datatype, values) in columns_of(predictions).items()
        ],
        use_binary_outputs=request.use_binary_outputs,
        requested_outputs=request.request_outputs,
    )


if __name__ == "__main__":
    ModelServer(enable_latency_logging=False).start([Served()])
