from __future__ import annotations

from typing import Any

from flask import Flask, request
from serving import load_predictor
from turns import Turns

app = Flask(__name__)
predictor = load_predictor()
# As on the whole matched track; gunicorn's threads would all call the model at once, and a plain
# Lock is not first come, first served.
one_call_at_a_time = Turns()


@app.post("/predict")
def predict() -> tuple[dict[str, Any], int]:
    try:
        instances = instances_of(request.get_json())
        with one_call_at_a_time:
            return {"predictions": predictor.predict(instances)}, 200
    except (ValueError, RecursionError) as error:
        return {"error": str(error)}, 422


def instances_of(body: Any) -> list[Any]:
    instances = body.get("instances") if isinstance(body, dict) else None
    if not isinstance(instances, list):
        raise ValueError('the body must be {"instances": [...]}')
    return instances


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}
