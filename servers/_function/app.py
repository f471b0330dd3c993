"""A handler whose faults are known: those of a request are in its body, as `{"fault": NAME}`.

It takes `sleep_s`, or until there is the file that `until` names.
FUNCTION_FAULT: what goes wrong when it starts; FUNCTION_INIT_S: how long that takes. Without a
predictor it answers with the number of its instance.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import steps
from serving import load_predictor

FAULT = os.environ.get("FUNCTION_FAULT", "")
INSTANCE = int(os.environ.get("HARNESS_INSTANCE", "0"))
HELD: list[bytearray] = []


def fill(mib: int) -> None:
    HELD.extend(bytearray(b"x") * (1 << 20) for _ in range(mib))


def load() -> Any:
    if FAULT == "init-raises":
        raise RuntimeError("there is no model")
    if FAULT == "init-exits":
        os._exit(7)
    if FAULT == "init-memory":
        fill(4096)
    time.sleep(float(os.environ.get("FUNCTION_INIT_S", "0")))
    if not os.environ.get("HARNESS_PREDICTOR"):
        return None
    return load_predictor()


MODEL = load()


@steps.handled
def handler(event: dict[str, Any], _: object) -> Any:
    if "requestContext" not in event:
        return answered(event)
    if event["requestContext"]["http"]["method"] == "GET":
        return {"statusCode": 200, "body": "ok"}
    body = json.loads(event["body"])
    told = answered(body)
    if isinstance(told, dict):
        return {"statusCode": 400 if "error" in told else 200, "body": json.dumps(told)}
    return told


def answered(body: dict[str, Any]) -> Any:
    time.sleep(body.get("sleep_s", 0))
    while "until" in body and not Path(body["until"]).exists():
        time.sleep(0.01)
    if "fault" in body:
        return wrong(body)
    if MODEL is None:
        return {"instance": INSTANCE, "pid": os.getpid()}
    instances = body.get("instances")
    if not isinstance(instances, list):
        return {"error": 'the body must be {"instances": [...]}'}
    try:
        return {"predictions": MODEL.predict(instances)}
    except ValueError as error:
        return {"error": str(error)}


def wrong(body: dict[str, Any]) -> Any:
    match body["fault"]:
        case "no-json":
            return b"<html>"
        case "not-to-be-encoded":
            return object()
        case "exits":
            os._exit(3)
        case "hangs":
            time.sleep(3600)
        case "memory":
            fill(body["mib"])
        case "large":
            return b'"' + b"x" * body["bytes"] + b'"'
    raise RuntimeError("it was asked to")
