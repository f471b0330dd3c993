"""How instances become a request, and a response becomes predictions. One small class each.

Decoding is strict: a response that does not say what was predicted is an error.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from harness.errors import AnswerError


@dataclass(frozen=True, slots=True)
class Message:
    """One request: its body, and over HTTP what follows the path and the headers of its own."""

    body: bytes
    query: str = ""  # with its question mark
    headers: Mapping[str, str] = field(default_factory=dict)


class Protocol(ABC):
    """The two directions of a protocol; a message carries one instance or more."""

    path: ClassVar[str] = "/predict"  # over HTTP, where a variant or a URL names none
    method: ClassVar[str] = ""  # over gRPC: "/package.Service/Method"
    rpc: ClassVar[bool] = False

    @abstractmethod
    def encode(self, instances: list[Any]) -> Message:
        """A request. Raises UsageError for instances that the protocol can't carry."""

    @abstractmethod
    def decode(self, body: bytes) -> list[Any]:
        """The predictions of a response body. Raises AnswerError."""


PROTOCOLS: dict[str, Protocol] = {}


def protocol(name: str) -> Callable[[type[Protocol]], type[Protocol]]:
    """Register a protocol under the name that server.toml and `--protocol` use."""

    def register(cls: type[Protocol]) -> type[Protocol]:
        PROTOCOLS[name] = cls()
        return cls

    return register


@cache
def registered() -> dict[str, Protocol]:
    """Every protocol, by name."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return dict(sorted(PROTOCOLS.items()))


def json_message(value: Any) -> Message:
    """A JSON body."""
    return Message(json.dumps(value).encode(), "", {"Content-Type": "application/json"})


def parsed(body: bytes) -> Any:
    """The JSON of a body. Raises AnswerError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"no JSON in {start(body)}") from error


def listed(body: bytes, key: str) -> list[Any]:
    """The list that a JSON object has under a key. Raises AnswerError."""
    answer = parsed(body)
    if not isinstance(answer, dict) or not isinstance(answer.get(key), list):
        raise AnswerError(f'no list "{key}" in {start(body)}')
    found: list[Any] = answer[key]
    return found


def start(body: bytes) -> str:
    """The beginning of a body, fit for a sentence."""
    return ascii(body[:80])[1:]
