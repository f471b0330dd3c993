"""Probing a starting server until it is ready. Nothing here sleeps for readiness."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from harness.base.errors import AnswerError, LaunchError
from harness.measure.launch.launchers import Launched
from harness.measure.talk.answers import Answers
from harness.measure.talk.ask import Asker, Getter, Unanswered
from harness.protocols import Message

_EVERY_S = 0.02
_TROUBLE_S = 3.0
_NOT_YET = (404, 429, 503, 5, 8, 12)  # the last three: gRPC's not found, exhausted, unimplemented
_ANSWER_TIMEOUT_S = 30.0  # a server that is ready must answer rightly within


def until_ready(get: Getter, launched: Launched, path: str, limit_s: float) -> float:
    """Probe until the server answers 200; seconds since its start. Raises LaunchError."""
    # What stands before a server may say at a path of its own when that is ready.
    path = getattr(launched, "ready_path", "") or path
    said = "no answer"
    while _since(launched) < limit_s:
        _require_alive(launched)
        try:
            reply = get(path)
            if reply.status == 200:
                return _since(launched)
            said = f"HTTP {reply.status}"
        except Unanswered as error:
            said = str(error)
        time.sleep(_EVERY_S)
    raise LaunchError(
        f"It did not get ready within {limit_s:g} s; the last probe of {path} said: {said}."
    )


def version(get: Getter, path: str) -> str | None:
    """The `version` in the JSON that a server answers at a path; None where it says none."""
    try:
        reply = get(path)
        found = json.loads(reply.body) if reply.is_success else None
    except (Unanswered, ValueError):
        return None
    told = found.get("version") if isinstance(found, dict) else None
    return told if isinstance(told, str) and told.isprintable() else None


def until_right(
    ask: Asker,
    launched: Launched,
    message: Message,
    answers: Answers | None,
    *,
    already_up: bool = False,
) -> float:
    """Ask the first payload until the answer is right; seconds since the server's start.

    A server may be ready before its model is, so a refusal is asked again for a while. A wrong
    answer is not: raises AnswerError at once. Of what is said to be already up, it is trouble too
    if nothing listens there, or a certificate is not trusted.
    """
    began = time.monotonic()
    said = ""
    while time.monotonic() < began + _ANSWER_TIMEOUT_S:
        _require_alive(launched)
        try:
            reply = ask(message, _ANSWER_TIMEOUT_S)
        except Unanswered as error:
            said = str(error)
            if already_up and time.monotonic() > began + _TROUBLE_S:
                break
            time.sleep(_EVERY_S)
            continue
        if reply.is_success:
            code, why = answers.judge(0, reply.body) if answers else (0, "")
            if code == 0:
                return _since(launched)
            raise AnswerError(f"Its first answer is not the reference's: {why}.")
        said = reply.words
        if time.monotonic() > began + _patience_s(reply.status):
            break
        time.sleep(_EVERY_S)
    is_there = "It is said to be up" if already_up else "It got ready"
    raise AnswerError(f"{is_there}, but does not answer a prediction: {said}")


@contextmanager
def rightly(
    asking: AbstractContextManager[Asker], message: Message, answers: Answers | None
) -> Iterator[Callable[[float], bool]]:
    """Ask the first payload with a time-out; whether it is answered rightly."""
    with asking as ask:

        def right(timeout_s: float) -> bool:
            try:
                reply = ask(message, timeout_s)
            except Unanswered:
                return False
            return reply.is_success and (answers is None or answers.judge(0, reply.body)[0] == 0)

        yield right


def _patience_s(status: int) -> float:
    """How long a refusal may last: "not yet" has statuses of its own, the others mean trouble."""
    if status in _NOT_YET:
        return _ANSWER_TIMEOUT_S
    return 0.0 if 400 <= status < 500 else _TROUBLE_S


def _since(launched: Launched) -> float:
    return (time.monotonic_ns() - launched.started_ns) / 1e9


def _require_alive(launched: Launched) -> None:
    reason = launched.exited()
    if reason is not None:
        raise LaunchError(f"The server ended before it was ready: {reason}.")
