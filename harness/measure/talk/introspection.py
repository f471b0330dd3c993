"""An endpoint's description of its model, for protocols that can ask for one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from harness.base.errors import AnswerError
from harness.measure.launch.launchers import Launched
from harness.measure.talk import ask as asking
from harness.measure.talk.ask import Getter
from harness.protocols import Protocol, json_message
from harness.protocols.open_inference import MODEL, OverHttp, V2Grpc

_INFER = "/infer"
_PATIENCE_S = 10.0  # it may be far, or asleep


@dataclass(frozen=True, slots=True)
class Learned:
    """How the model is to be asked, and where."""

    protocol: Protocol
    path: str
    untold: str = ""  # why nothing was learnt


def learn(
    protocol: Protocol, launched: Launched, path: str, payload: Any, prediction: Any
) -> Learned:
    """Read a model's metadata; without any, the protocol is what it was.

    Raises AnswerError where a URL names no model, and there is more than one.
    """
    if isinstance(protocol, V2Grpc):
        return _over_grpc(protocol, launched, path, payload, prediction)
    if not isinstance(protocol, OverHttp):
        return Learned(protocol, path)
    get = asking.getter(launched, timeout_s=_PATIENCE_S)
    try:
        place = _place(get, protocol, path)
        reply = get(place)
    except asking.Unanswered as error:
        return Learned(protocol, path, str(error))
    path = place + _INFER
    if not reply.is_success:
        return Learned(protocol, path, f"GET {place} said HTTP {reply.status}")
    return _told(protocol, path, reply.body, payload, prediction)


def _told(protocol: Protocol, path: str, body: bytes, payload: Any, prediction: Any) -> Learned:
    try:
        found = protocol.told(body, payload, prediction)
    except AnswerError as error:
        return Learned(protocol, path, str(error))
    return Learned(found, path, "" if found is not protocol else "they name no inputs")


def _place(get: Getter, protocol: OverHttp, path: str) -> str:
    """The path of the model: the part of a URL before `/infer`, or the only model below a base."""
    if protocol.place in path:
        return path.rstrip("/").removesuffix(_INFER)
    base = path.rstrip("/")
    usual = f"{base}{protocol.place}{MODEL}"
    if get(usual).is_success:
        return usual
    reply = get(base + protocol.index, json_message({}))
    names = _names(reply.body) if reply.is_success else []
    if len(names) == 1:
        return f"{base}{protocol.place}{names[0]}"
    serves = f"It serves {', '.join(names)}. " if names else ""
    raise AnswerError(
        f"The URL names no model, and there is none called {MODEL!r}. {serves}End the URL in "
        f"{protocol.place}NAME{_INFER}."
    )


def _names(body: bytes) -> list[str]:
    """The models in an index of the repository."""
    try:
        return sorted({str(entry["name"]) for entry in json.loads(body)})
    except (ValueError, TypeError, KeyError):
        return []


def _over_grpc(
    protocol: V2Grpc, launched: Launched, path: str, payload: Any, prediction: Any
) -> Learned:
    with asking.caller(launched, protocol.metadata_method) as ask:
        try:
            reply = ask(protocol.question(), _PATIENCE_S)
        except asking.Unanswered as error:
            return Learned(protocol, path, str(error))
    if not reply.is_success:
        return Learned(protocol, path, reply.words)
    return _told(protocol, path, reply.body, payload, prediction)
