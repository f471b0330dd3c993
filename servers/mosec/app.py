from __future__ import annotations

import os
import tempfile
from itertools import islice
from typing import Any

import mosec
from mosec.errors import ValidationError
from serving import load_predictor


class Plain(mosec.Worker):
    def __init__(self) -> None:
        super().__init__()
        self.predictor = load_predictor()

    def forward(self, data: Any) -> Any:
        return {"predictions": self.predictions_of(instances_of(data))}

    def predictions_of(self, instances: list[Any]) -> list[Any]:
        try:
            return self.predictor.predict(instances)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class Batched(Plain):
    def forward(self, data: list[Any]) -> list[dict[str, list[Any]]]:
        requests = [instances_of(body) for body in data]
        predictions = iter(self.predictions_of([i for request in requests for i in request]))
        return [{"predictions": list(islice(predictions, len(r)))} for r in requests]


def instances_of(body: Any) -> list[Any]:
    instances = body.get("instances") if isinstance(body, dict) else None
    if not isinstance(instances, list):
        raise ValidationError('the body must be {"instances": [...]}')
    return instances


if __name__ == "__main__":
    # Its Unix sockets' path may have 107 characters at most, which a long TMPDIR would exceed: from
    # within that folder the path is short.
    os.chdir(tempfile.gettempdir())
    os.environ["MOSEC_PATH"] = "mosec"
    server = mosec.Server()
    workers = int(os.environ["HARNESS_WORKERS"])
    size = int(os.environ.get("HARNESS_BATCH_SIZE", "1"))
    if size > 1:  # with batches of one, Mosec hands over a request in place of a list of them
        wait_ms = int(os.environ["HARNESS_BATCH_WAIT_MS"])
        server.append_worker(Batched, num=workers, max_batch_size=size, max_wait_time=wait_ms)
    else:
        server.append_worker(Plain, num=workers)
    server.run()
