"""One service without batching and one with; the command of the variant names which is served."""

from __future__ import annotations

import os
from typing import Any

import bentoml
from bentoml.exceptions import InvalidArgument
from serving import Predictor, load_predictor

WORKERS = int(os.environ.get("HARNESS_WORKERS", "1"))
SETTINGS: dict[str, Any] = {"workers": WORKERS, "logging": {"access": {"enabled": False}}}


def predictions_of(predictor: Predictor, instances: list[Any]) -> list[Any]:
    try:
        return predictor.predict(instances)
    except ValueError as error:
        raise InvalidArgument(str(error)) from error


@bentoml.service(**SETTINGS)
class Plain:
    def __init__(self) -> None:
        self.predictor = load_predictor()

    @bentoml.api
    def predict(self, instances: list[Any]) -> dict[str, list[Any]]:
        return {"predictions": predictions_of(self.predictor, instances)}


@bentoml.service(**SETTINGS)
class Batched:
    def __init__(self) -> None:
        self.predictor = load_predictor()

    # max_latency_ms stays at its default: it is no waiting time but a limit beyond which
    # BentoML drops requests; how long a batch waits, the dispatcher learns by itself.
    @bentoml.api(
        batchable=True, batch_dim=0, max_batch_size=int(os.environ.get("HARNESS_BATCH_SIZE", "16"))
    )
    def predict(self, instances: list[Any]) -> list[Any]:
        return predictions_of(self.predictor, instances)
