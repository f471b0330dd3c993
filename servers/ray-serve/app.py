"""One deployment without batching, one behind FastAPI, one with batching; the command names one."""

# No `from __future__ import annotations`: Ray hands the handlers' annotations to FastAPI as they
# are.
import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
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
WORKERS = int(os.environ["HARNESS_WORKERS"])
HOST = os.environ["HARNESS_HOST"]

# The port that a replica opens for other deployments, of which there are none here, is the one port
# that listens on every interface whatever the settings say.
listen = replica.add_port_to_grpc_server
replica.add_port_to_grpc_server = lambda server, _: listen(server, f"{HOST}:0")


class Instances(BaseModel):
    instances: list[Any]


class Predictions(BaseModel):
    predictions: list[Any]


# Beyond so many requests on their way to a replica, more wait in the proxy, which looks for room
# after 25 ms, then 50, up to 500, while the model idles. By default there are 5. The guide in
# server.toml has this number for async handlers; only several replicas would need a lower one.
ONGOING = int(os.environ.get("MAX_ONGOING", "1000"))


class Model:
    """The predictor in a thread of its own, as the guide has it for what keeps the CPU busy.

    So one prediction runs at a time, first come, first served, and the event loop that reads the
    other requests stays free.
    """

    def __init__(self) -> None:
        self._predictor = load_predictor()
        self._thread = ThreadPoolExecutor(max_workers=1)

    async def predict(self, instances: list[Any]) -> list[Any]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._predictor.predict, instances)


@serve.deployment(max_ongoing_requests=ONGOING)
class Plain:
    def __init__(self) -> None:
        self.model = Model()

    async def __call__(self, request: Request) -> JSONResponse:
        try:
            instances = Instances.model_validate_json(await request.body()).instances
            return JSONResponse({"predictions": await self.model.predict(instances)})
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)


api = FastAPI()


@serve.deployment(max_ongoing_requests=ONGOING)
@serve.ingress(api)
class Ingress:
    def __init__(self) -> None:
        self.model = Model()

    @api.post("/predict")
    async def predict(self, body: Instances) -> Predictions:
        try:
            return Predictions(predictions=await self.model.predict(body.instances))
        except ValueError as error:
            raise HTTPException(422, str(error)) from error


# Replicas share the CPU that one alone would ask for: Ray would wait for more CPUs than there are.
@serve.deployment(
    num_replicas=WORKERS,
    ray_actor_options={"num_cpus": 1 / WORKERS},
    max_ongoing_requests=ONGOING,
)
class Batched:
    def __init__(self) -> None:
        self.model = Model()

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
            instances = [instance for request in batch for instance in request]
            together = iter(await self.model.predict(instances))
            return [list(islice(together, len(request))) for request in batch]
        except ValueError:
            # One of them is to blame: the others get their answers all the same.
            return [await self.alone(request) for request in batch]

    async def alone(self, instances: list[Any]) -> list[Any] | ValueError:
        try:
            return await self.model.predict(instances)
        except ValueError as error:
            return error
