"""Protocols without a standard: JSON, raw text, a query parameter."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from harness.errors import AnswerError, UsageError
from harness.protocols import Message, Protocol, json_message, listed, parsed, protocol, start


@protocol("json")
class PlainJson(Protocol):
    """`{"instances": [...]}` to `{"predictions": [...]}`."""

    def encode(self, instances: list[Any]) -> Message:
        return json_message({"instances": instances})

    def decode(self, body: bytes) -> list[Any]:
        return listed(body, "predictions")


@protocol("kserve-v1")
class KServeV1(PlainJson):
    """KServe's v1, which took its form from TensorFlow Serving."""

    path = "/v1/models/model:predict"


@protocol("json-list")
class JsonList(PlainJson):
    """`{"instances": [...]}` to the bare list of predictions."""

    def decode(self, body: bytes) -> list[Any]:
        answer = parsed(body)
        if not isinstance(answer, list):
            raise AnswerError(f"no list in {start(body)}")
        return answer


@protocol("torchserve")
class TorchServe(Protocol):
    """The instance as a JSON body to its prediction: TorchServe makes the batches."""

    path = "/predictions/model"

    def encode(self, instances: list[Any]) -> Message:
        return json_message(_one(instances))

    def decode(self, body: bytes) -> list[Any]:
        return [parsed(body)]


@protocol("text")
class RawText(Protocol):
    """The text itself as a body (of anything else its JSON) to the prediction as JSON."""

    def encode(self, instances: list[Any]) -> Message:
        body = as_text(_one(instances)).encode("utf-8", "surrogatepass")
        return Message(body, "", {"Content-Type": "text/plain; charset=utf-8"})

    def decode(self, body: bytes) -> list[Any]:
        return [parsed(body)]


@protocol("query")
class Query(RawText):
    """An empty POST with `?text=...` (of anything but text its JSON) to the prediction as JSON."""

    def encode(self, instances: list[Any]) -> Message:
        text = as_text(_one(instances))
        return Message(b"", "?" + urlencode({"text": text}, errors="surrogatepass"))


def as_text(instance: Any) -> str:
    """Text as it is, anything else as JSON."""
    return instance if isinstance(instance, str) else json.dumps(instance)


def _one(instances: list[Any]) -> Any:
    if len(instances) != 1:
        raise UsageError(f"This protocol carries one instance a request, not {len(instances)}.")
    return instances[0]
