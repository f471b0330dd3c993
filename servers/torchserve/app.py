from __future__ import annotations

import json
from typing import Any

from serving import load_predictor

# GET /predictions/model/1.0/ready: TorchServe's own /ping says yes before a worker has the model.
READY = "ready"


class Handler:
    """TorchServe makes batches of requests; each has one instance and an answer of its own."""

    def initialize(self, context: Any) -> None:  # noqa: ARG002
        self._predictor = load_predictor()

    def handle(self, requests: list[dict[str, Any]], context: Any) -> list[str]:
        answers = [""] * len(requests)
        instances: dict[int, Any] = {}
        for place, request in enumerate(requests):
            if context.get_request_header(place, "url_path") == READY:
                answers[place] = "{}"
                continue
            try:
                instances[place] = _instance(request)
            except ValueError as error:
                answers[place] = _refusal(context, place, error)
        if instances:
            for place, answer in self._predict(instances, context).items():
                answers[place] = answer
        return answers

    def _predict(self, instances: dict[int, Any], context: Any) -> dict[int, str]:
        """By place in the batch."""
        try:
            predictions = self._predictor.predict(list(instances.values()))
        except ValueError as error:
            if len(instances) == 1:
                return {place: _refusal(context, place, error) for place in instances}
            # One by one: the others of the batch are of other callers, who asked rightly.
            alone = [self._predict({place: it}, context) for place, it in instances.items()]
            return {place: answer for answers in alone for place, answer in answers.items()}
        return {p: json.dumps(found) for p, found in zip(instances, predictions, strict=True)}


def _instance(request: dict[str, Any]) -> Any:
    if "body" not in request:
        raise ValueError("send one instance as JSON")
    body = request["body"]
    if not isinstance(body, (bytes, bytearray)):
        return body  # TorchServe has read it: JSON or text, by its content type
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}") from error


def _refusal(context: Any, place: int, error: ValueError) -> str:
    context.set_response_status(code=422, idx=place)
    return json.dumps({"error": str(error)})
