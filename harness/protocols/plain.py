"""Protocols without a standard: JSON, raw text, a query parameter."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from harness.base.errors import AnswerError, UsageError
from harness.protocols import Message, Protocol, json_message, listed, one, parsed, protocol, start
from harness.setup.templates import as_text


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


@protocol("instance")
class OneInstance(Protocol):
    """The instance as a JSON body to its prediction: the server forms the batches."""

    def encode(self, instances: list[Any]) -> Message:
        return json_message(one(instances))

    def decode(self, body: bytes) -> list[Any]:
        return [parsed(body)]


@protocol("torchserve")
class TorchServe(OneInstance):
    """The same where TorchServe has it."""

    path = "/predictions/model"


@protocol("text")
class RawText(Protocol):
    """The text itself as a body (of anything else its JSON) to the prediction as JSON."""

    def encode(self, instances: list[Any]) -> Message:
        body = as_text(one(instances)).encode("utf-8", "surrogatepass")
        return Message(body, headers={"Content-Type": "text/plain; charset=utf-8"})

    def decode(self, body: bytes) -> list[Any]:
        return [parsed(body)]


@protocol("query")
class Query(RawText):
    """An empty POST with `?text=...` (of anything but text its JSON) to the prediction as JSON.

    `query:q` names the parameter.
    """

    def __init__(self, parameter: str = "text") -> None:
        self._parameter = parameter

    def named(self, argument: str) -> Protocol:
        if not argument:
            raise UsageError("The protocol 'query:' lacks the parameter's name.")
        return Query(argument)

    def encode(self, instances: list[Any]) -> Message:
        text = as_text(one(instances))
        return Message(b"", query="?" + urlencode({self._parameter: text}, errors="surrogatepass"))
