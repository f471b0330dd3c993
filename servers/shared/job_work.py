"""On the PYTHONPATH of every server process: what a worker does with jobs, whoever brings them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MOST_RUNS = 3  # begun so often, and each time the worker died: it will kill the next one, too
MOST = int(os.environ.get("QUEUE_MOST", "1000"))  # jobs that are unfinished; then it is full
KEEPS_S = float(os.environ.get("QUEUE_KEEPS_S", "600"))  # a job after its end
LEASE_S = float(os.environ.get("QUEUE_LEASE_S", "10"))  # then a job belongs to a dead worker

Predict = Callable[[list[Any]], list[Any]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended."""

    completed: bool
    text: str  # the result as JSON, or why it failed

    @property
    def status(self) -> str:
        return "completed" if self.completed else "failed"


LOST = Outcome(False, "It was lost: it is in the queue no more, and no worker has it.")


def too_often(runs: int) -> Outcome | None:
    """The end of a job that has been begun too often, with this time; None where it has not."""
    if runs <= MOST_RUNS:
        return None
    return Outcome(False, f"Its worker died in each of {MOST_RUNS} runs; it is not tried again.")


def perform(predict: Predict, payloads: Sequence[bytes]) -> list[Outcome]:
    """Each job's outcome. They share one call of the model; where that fails, each has its own, so
    that a job which the model refuses fails alone. What failed is not tried again."""
    try:
        jobs = [json.loads(payload)["instances"] for payload in payloads]
        predictions = iter(predict([instance for job in jobs for instance in job]))
        results = [[next(predictions) for _ in job] for job in jobs]
        return [Outcome(True, json.dumps({"predictions": result})) for result in results]
    except Exception as error:  # of the model, or of a payload: whatever it is, the job has failed
        if len(payloads) > 1:
            return [each for payload in payloads for each in perform(predict, [payload])]
        said = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        return [Outcome(False, said)]


def now() -> str:
    """The time of day, as an answer tells it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
