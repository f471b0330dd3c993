"""How instances become a request body, and a response body becomes predictions.

Decoding is strict: a response that does not say what was predicted is an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from typing import Protocol as Interface

from harness.errors import AnswerError


class Protocol(Interface):
    """The two directions of a protocol, over HTTP POST."""

    content_type: str

    def encode(self, instances: list[Any]) -> bytes:
        """A request body."""

    def decode(self, body: bytes) -> list[Any]:
        """The predictions of a response body. Raises AnswerError."""


PROTOCOLS: dict[str, Protocol] = {}


def protocol(name: str) -> Callable[[type[Protocol]], type[Protocol]]:
    """Register a protocol under the name that server.toml uses."""

    def register(cls: type[Protocol]) -> type[Protocol]:
        PROTOCOLS[name] = cls()
        return cls

    return register


@protocol("json")
class PlainJson:
    """`{"instances": [...]}` to `{"predictions": [...]}`."""

    content_type = "application/json"

    def encode(self, instances: list[Any]) -> bytes:
        return json.dumps({"instances": instances}).encode()

    def decode(self, body: bytes) -> list[Any]:
        answer = _parse(body)
        if not isinstance(answer, dict) or not isinstance(answer.get("predictions"), list):
            raise AnswerError(f'no list "predictions" in {_start(body)}')
        predictions: list[Any] = answer["predictions"]
        return predictions


@protocol("json-list")
class JsonList(PlainJson):
    """`{"instances": [...]}` to the bare list of predictions."""

    def decode(self, body: bytes) -> list[Any]:
        answer = _parse(body)
        if not isinstance(answer, list):
            raise AnswerError(f"no list in {_start(body)}")
        return answer


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"no JSON in {_start(body)}") from error


def _start(body: bytes) -> str:
    return ascii(body[:80])[1:]
