"""How a server is asked on a benchmark: its protocol, every request, and the judge of answers."""

from __future__ import annotations

from dataclasses import dataclass

from harness.base.errors import AnswerError
from harness.measure.campaign.bench import Bench
from harness.measure.launch import readiness
from harness.measure.launch.launchers import Launched
from harness.measure.talk import ask as asking
from harness.measure.talk import introspection
from harness.measure.talk.answers import Answers
from harness.protocols import Message, Protocol
from harness.setup import judges
from harness.setup.answering import APPROXIMATE
from harness.setup.catalog import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """The message for each payload, and the judge of the answers."""

    protocol: Protocol
    path: str
    messages: list[Message]
    answers: Answers


def usual(variant: Variant, bench: Bench) -> Talk:
    """The talk of a variant's table. Raises UsageError for payloads that it can't carry."""
    protocol = variant.spoken()
    if variant.endpoint is not None:
        protocol = protocol.at(variant.table.path)
    some = variant.table.answers == APPROXIMATE
    return _talk(protocol, variant.table.path or protocol.path, bench, approximate=some)


def met(talk: Talk, launched: Launched, bench: Bench, *, checked: bool) -> Talk:
    """Learn how an endpoint's model is to be asked, and wait until it answers one rightly.

    Raises AnswerError where it does not, UsageError for payloads that the model can't take.
    """
    found, untold = learned(talk, launched, bench)
    try:
        with asking.asker(launched, found.protocol, found.path) as ask:
            judge = found.answers if checked else None
            readiness.until_right(ask, launched, found.messages[0], judge, already_up=True)
    except AnswerError as error:
        if not untold:
            raise
        why = f"its model's metadata could not be read: {untold}"
        raise AnswerError(f"{str(error).rstrip('.')}; {why}.") from error
    return found


def learned(talk: Talk, launched: Launched, bench: Bench) -> tuple[Talk, str]:
    """(as a server's model says that it is to be asked, why it says nothing).

    Raises AnswerError where there are several models, UsageError for payloads that the model can't
    take.
    """
    expected = bench.expected[0] if bench.expected else None
    told = introspection.learn(talk.protocol, launched, talk.path, bench.payloads[0], expected)
    some = talk.answers.approximate
    return _talk(told.protocol, told.path, bench, approximate=some), told.untold


def _talk(protocol: Protocol, path: str, bench: Bench, *, approximate: bool) -> Talk:
    # The reference is asked one by one while it makes the right answers.
    together = bench.benchmark.together if bench.expected else 1
    known = bench.known
    twice = [*known, *known * together]
    messages = [
        protocol.numbered(place).encode(twice[place : place + together])
        for place in range(len(known))
    ]
    table = bench.benchmark.table
    answers = Answers(
        expected=list(bench.answers),
        later={bench.later.version: list(bench.later.expected)} if bench.later else {},
        tolerance=table.tolerance,
        protocol=protocol,
        rule=judges.named(table.judge),
        together=together,
        approximate=approximate,
    )
    return Talk(protocol=protocol, path=path, messages=messages, answers=answers)
