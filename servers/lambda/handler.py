"""A plain handler, for requests as a function URL or API Gateway sends them."""

from __future__ import annotations

import base64
import json
from typing import Any

import steps
from serving import load_predictor

# Once for each instance, before its first request.
predictor = load_predictor()


@steps.handled
def predict(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Every path and method comes here: a GET asks whether the model is loaded."""
    try:
        posted = event["requestContext"]["http"]["method"] != "GET"
        instances = instances_of(json.loads(body_of(event))) if posted else []
        return answer(200, {"predictions": predictor.predict(instances)})
    except (ValueError, RecursionError) as error:
        return answer(422, {"error": str(error)})


def body_of(event: dict[str, Any]) -> bytes:
    body: str = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def instances_of(body: Any) -> list[Any]:
    instances = body.get("instances") if isinstance(body, dict) else None
    if not isinstance(instances, list):
        raise ValueError('the body must be {"instances": [...]}')
    return instances


def answer(status: int, told: dict[str, Any]) -> dict[str, Any]:
    headers = {"content-type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(told)}
