from __future__ import annotations

from functools import cache
from typing import Any

import functions_framework
from flask import Request
from serving import Predictor, load_predictor
from turns import Turns

# As on the whole matched track; gunicorn's threads would all call the model at once, and a plain
# Lock is not first come, first served.
one_call_at_a_time = Turns()


@cache
def predictor() -> Predictor:
    # Not when this module loads: its process forks the worker, which would get a model without the
    # threads that share a prediction.
    return load_predictor()


@functions_framework.http
def predict(request: Request) -> tuple[dict[str, Any], int]:
    """Every path and method comes here: a GET asks whether the model is loaded."""
    try:
        instances = instances_of(request.get_json()) if request.method != "GET" else []
        with one_call_at_a_time:
            return {"predictions": predictor().predict(instances)}, 200
    except (ValueError, RecursionError) as error:
        return {"error": str(error)}, 422


def instances_of(body: Any) -> list[Any]:
    instances = body.get("instances") if isinstance(body, dict) else None
    if not isinstance(instances, list):
        raise ValueError('the body must be {"instances": [...]}')
    return instances
