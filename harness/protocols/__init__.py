"""How instances become a request, and a response becomes predictions. One small class each.

Decoding is strict: a response that does not say what was predicted is an error.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

from harness.base.errors import AnswerError, UsageError, unknown
from harness.base.secrecy import beginning
from harness.protocols.exchange import Exchanges
from harness.protocols.messages import Message as Message
from harness.setup.templates import RequestTable


class Protocol(ABC):
    """The two directions of a protocol; a message carries one instance or more."""

    path: ClassVar[str] = "/predict"  # over HTTP, where a variant or a URL names none
    method: ClassVar[str] = ""  # over gRPC: "/package.Service/Method"
    rpc: ClassVar[bool] = False

    def at(self, path: str) -> Protocol:  # noqa: ARG002
        """The same for an endpoint whose URL has that path."""
        return self

    def told(self, metadata: bytes, payload: Any, prediction: Any) -> Protocol:  # noqa: ARG002
        """The same for a model that tells of itself so; some instance and its prediction (None
        where not known) show what goes where.

        Raises AnswerError if the bytes are not metadata.
        """
        return self

    def named(self, argument: str) -> Protocol:
        """The same with what follows its name: `query:q`. Raises UsageError."""
        raise UsageError(f"The protocol takes no name, such as {argument!r}, after a colon.")

    def asking(self, request: RequestTable) -> Protocol:  # noqa: ARG002
        """The same with a template of requests. Raises UsageError where its form is fixed."""
        raise UsageError("A request template goes only with the protocol 'template'.")

    def numbered(self, number: int) -> Protocol:  # noqa: ARG002
        """The same for the payload of that number, where its requests tell it."""
        return self

    def answered(self, body: bytes) -> str | None:  # noqa: ARG002
        """The number of the payload that a response says it is of; None where none does.

        Raises AnswerError.
        """
        return None

    def exchanges(self, path: str) -> Exchanges | None:  # noqa: ARG002
        """How its requests go on after their first answer, for a target at that path; None where
        that answer is the last one, as with most protocols."""
        return None

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


def spoken(name: str, request: RequestTable | None = None) -> Protocol:
    """The protocol of that name, with what follows a colon, or with a template of requests.

    Raises UsageError.
    """
    base, colon, argument = name.partition(":")
    if base not in registered():
        raise unknown("protocol", base, registered())
    found = registered()[base]
    if request is not None:
        return found.asking(request)
    return found.named(argument) if colon else found


def one(instances: list[Any]) -> Any:
    """The only one. Raises UsageError where there are more."""
    if len(instances) != 1:
        raise UsageError(f"This protocol carries one instance per request, not {len(instances)}.")
    return instances[0]


def json_message(value: Any) -> Message:
    """A JSON body."""
    return Message(json.dumps(value).encode(), headers=json_type())


def json_type() -> dict[str, str]:
    """The header that says so of a body."""
    return {"Content-Type": "application/json"}


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
    return ascii(beginning(body.decode("latin-1"), 80).encode("latin-1"))[1:]
