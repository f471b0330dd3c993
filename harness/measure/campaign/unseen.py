"""Payloads that no server has seen, with the reference's answers: for audits, and for profiles of
whose requests a share are misses of a cache."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from harness.base.errors import AnswerError
from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launched
from harness.measure.talk import ask as asking
from harness.measure.talk.ask import Asker, Unanswered
from harness.protocols import Protocol
from harness.windows import audit, repeats
from harness.windows.profiles import Profile, expected_count

_LIMIT_S = 20.0  # for the answers to payloads of audits, at most
_FRESH_S = 10.0  # for those to payloads of profiles; the rest are not judged
_REFUSED = 4  # times as many payloads are made as are wanted, where the reference refuses some
_MOST = 6000  # fresh payloads; after so many, requests that were to be misses begin to repeat
_CLOSED_PER_S = 2000.0  # of a closed loop, which has no planned rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """The payloads that were made, with the reference's answers, but for those that it refuses."""

    audits: tuple[tuple[Any, Any], ...] = ()  # (payload, answer)
    fresh: tuple[Any, ...] = ()
    fresh_answers: tuple[Any, ...] = ()  # to the first of them, as far as there was time


def needed(profiles: Sequence[Profile]) -> int:
    """How many fresh payloads a run with these profiles needs."""
    total = 0
    for profile in profiles:
        planned = expected_count(profile) if profile.is_open else _CLOSED_PER_S * profile.duration_s
        total += repeats.unseen(profile, planned)
    return min(total, _MOST)


def ask(stages: Stages, launched: Launched, audits: int, fresh: int) -> Unseen:
    """Make so many payloads, and ask the reference. Too few for an audit are none for it."""
    protocol = stages.variant.spoken()
    deadline = time.monotonic() + _LIMIT_S
    made = audit.derived(stages.bench.payloads)
    with asking.asker(launched, protocol, protocol.path) as asks:
        few = islice(made, _REFUSED * audits)
        first = list(islice(_answered(asks, protocol, few, deadline), audits))
        enough = len(first) == audits
        more = islice(made, _REFUSED * fresh) if enough else iter(())
        deadline = time.monotonic() + _FRESH_S
        rest = list(islice(_answered(asks, protocol, more, deadline), fresh))
    unjudged = islice(made, fresh - len(rest)) if time.monotonic() > deadline and enough else ()
    return Unseen(
        audits=tuple(first) if len(first) >= audit.BLOCK else (),
        fresh=(*(payload for payload, _ in rest), *unjudged),
        fresh_answers=tuple(answer for _, answer in rest),
    )


def again(stages: Stages, launched: Launched, payloads: Sequence[Any]) -> list[Any]:
    """The answers of a reference to payloads that another one took, as far as there is time: such
    a list may be shorter. Raises AnswerError where it refuses one."""
    protocol = stages.variant.spoken()
    deadline = time.monotonic() + 2 * _LIMIT_S
    with asking.asker(launched, protocol, protocol.path) as asks:
        found = [answer for _, answer in _answered(asks, protocol, iter(payloads), deadline)]
    if len(found) != len(payloads):
        raise AnswerError(
            f"Another version of the model answered {len(found)} of {len(payloads)} payloads that "
            "the first one took."
        )
    return found


def _answered(
    asks: Asker, protocol: Protocol, payloads: Iterator[Any], deadline: float
) -> Iterator[tuple[Any, Any]]:
    """The payloads that the reference answers, until the deadline."""
    for number, payload in enumerate(payloads):
        if time.monotonic() > deadline:
            return
        with suppress(Unanswered, AnswerError):
            reply = asks(protocol.encode([payload]), _LIMIT_S)
            if reply.is_success:
                yield payload, only(protocol.decode(reply.body), number)


def only(predictions: list[Any], payload: int) -> Any:
    """The prediction for one instance. Raises AnswerError where there is none, or several."""
    if len(predictions) != 1:
        raise AnswerError(
            f"There are {len(predictions)} predictions for payload {payload}, which is one "
            "instance: a predictor gives as many predictions as it is given instances"
        )
    return predictions[0]
