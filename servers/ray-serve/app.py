"""One deployment without batching, one behind FastAPI, one with batching; the command names one."""

# No `from __future__ import annotations`: Ray hands the handlers' annotations to FastAPI as they
# are.
import os
from itertools import islice
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from ray import serve
from ray.serve._private import replica
from serving import load_predictor
from starlette.requests import Request
from starlette.responses import JSONResponse

BATCH_SIZE = int(os.environ.get("HARNESS_BATCH_SIZE", "1"))
BATCH_WAIT_S = float(os.environ.get("HARNESS_BATCH_WAIT_MS", "0")) / 1000
HOST = os.environ["HARNESS_HOST"]

# The port that a replica opens for other deployments, of which there are none here, is the one port
# that listens on every interface whatever the settings say.
listen = replica.add_port_to_grpc_server
replica.add_port_to_grpc_server = lambda server, _: listen(server, f"{HOST}:0")


class Instances(BaseModel):
    instances: list[Any]


class Predictions(BaseModel):
    predictions: list[Any]


# The handlers are async though the model blocks: a replica runs them on an event loop of their own,
# so one prediction runs at a time, and nothing else of the replica waits for it.


@serve.deployment
class Plain:
    def __init__(self) -> None:
        self.predictor = load_predictor()

    async def __call__(self, request: Request) -> JSONResponse:
        try:
            instances = Instances.model_validate_json(await request.body()).instances
            return JSONResponse({"predictions": self.predictor.predict(instances)})
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)


api = FastAPI()


@serve.deployment
@serve.ingress(api)
class Ingress:
    def __init__(self) -> None:
        self.predictor = load_predictor()

    @api.post("/predict")
    async def predict(self, body: Instances) -> Predictions:
        try:
            return Predictions(predictions=self.predictor.predict(body.instances))
        except ValueError as error:
            raise HTTPException(422, str(error)) from error


# Twice a batch: one is collected while the one before is predicted.
@serve.deployment(max_ongoing_requests=2 * BATCH_SIZE)
class Batched:
    def __init__(self) -> None:
        self.predictor = load_predictor()

    async def __call__(self, request: Request) -> JSONResponse:
        try:
            instances = Instances.model_validate_json(await request.body()).instances
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)
        answer = await self.answers(instances)
        if isinstance(answer, ValueError):
            return JSONResponse({"error": str(answer)}, 422)
        return JSONResponse({"predictions": answer})

    @serve.batch(max_batch_size=BATCH_SIZE, batch_wait_timeout_s=BATCH_WAIT_S)
    async def answers(self, batch: list[list[Any]]) -> list[list[Any] | ValueError]:
        try:
            together = iter(self.predictor.predict([i for request in batch for i in request]))
            return [list(islice(together, len(request))) for request in batch]
        except ValueError:
            # One of them is to blame: the others get their answers all the same.
            return [self.alone(request) for request in batch]

    def alone(self, instances: list[Any]) -> list[Any] | ValueError:
        try:
            return self.predictor.predict(instances)
        except ValueError as error:
            return error
