# No `from __future__ import annotations`: LitServe hands the hooks' annotations to FastAPI as they
# are. It also looks the hooks' parameters up by name, `request` and `output` among them.
import os
import signal
from itertools import islice
from typing import Any

import litserve as ls
from fastapi import HTTPException
from pydantic import BaseModel
from serving import load_predictor


class Instances(BaseModel):
    instances: list[Any]


class Predictions(BaseModel):
    predictions: list[Any]


class Api(ls.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002
        self.predictor = load_predictor()

    def decode_request(self, request: Instances) -> list[Any]:
        return request.instances

    def predict(self, instances: list[Any]) -> list[Any]:
        try:
            return self.predictor.predict(instances)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error

    def encode_response(self, output: list[Any]) -> Predictions:
        return Predictions(predictions=output)


class BatchedApi(Api):
    def predict(self, batch: list[list[Any]]) -> list[list[Any]]:
        predictions = iter(super().predict([instance for request in batch for instance in request]))
        return [list(islice(predictions, len(request))) for request in batch]


def api() -> Api:
    size = int(os.environ.get("HARNESS_BATCH_SIZE", "1"))
    if size == 1:
        return Api()
    wait_s = float(os.environ["HARNESS_BATCH_WAIT_MS"]) / 1000
    return BatchedApi(max_batch_size=size, batch_timeout=wait_s)


if __name__ == "__main__":
    # LitServe stops cleanly on SIGINT only (SIGTERM orphans its processes), and below a shell that
    # put the harness into the background Python starts with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    workers = int(os.environ["HARNESS_WORKERS"])
    ls.LitServer(api(), accelerator="cpu", workers_per_device=workers).run(
        host=os.environ["HARNESS_HOST"],
        port=int(os.environ["HARNESS_PORT"]),
        access_log=False,
        generate_client_file=False,  # it would be written into this folder
    )
