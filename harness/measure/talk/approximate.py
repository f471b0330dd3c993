"""How often answers are right some of which a smaller model gave: counted, before timing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.base import reading
from harness.base.errors import AnswerError, ResultError
from harness.measure.campaign.bench import Bench
from harness.measure.talk.answers import Answers
from harness.measure.talk.local import is_local
from harness.stored.accuracy import Accuracy, interval
from harness.windows.samples import Requests

SMALL = "small.json"  # what a build writes of its small model


def counted(
    answers: Answers, bench: Bench, requests: Requests, bodies: Mapping[int, bytes]
) -> Accuracy | None:
    """How often its answers are right; None where they are the reference's, or nothing is known.

    Of held-out payloads. Raises AnswerError where they are too seldom right: by the benchmark's own
    `accuracy_at_least`, with the room that chance has.
    """
    if not (answers.approximate and bench.expected):
        return None
    labels, asked = bench.benchmark.labels(), held_out(bench.artefact)
    rows = [
        (body, payload)
        for row, body in bodies.items()
        if (payload := int(requests.payload[row])) in asked and labels[payload] is not None
    ]
    if not rows:
        return None
    found = Accuracy(
        asked=len(rows),
        right=sum(_label(answers.protocol.decode(body)[0]) == labels[n] for body, n in rows),
        reference_right=sum(_label(bench.expected[n]) == labels[n] for _, n in rows),
        local=sum(is_local(body) for body, _ in rows),
    )
    wanted = bench.benchmark.table.accuracy_at_least
    if wanted is not None and interval(found.right, found.asked)[1] < wanted:
        raise AnswerError(
            f"Its answers have the right label for {found.right} of {found.asked} held-out "
            f"payloads; {bench.benchmark.name} requires {wanted:.0%} "
            "(accuracy_at_least), and chance does not explain the difference."
        )
    return found


def held_out(artefact: Path) -> frozenset[int]:
    """Rows of the payloads that the artefact's model was not trained on; none where not known."""
    path = artefact / SMALL
    try:
        found = reading.parsed(path) if path.exists() else {}
    except ResultError:
        return frozenset()
    rows: Sequence[Any] = found.get("held_out", ()) if isinstance(found, dict) else ()
    return frozenset(row for row in rows if isinstance(row, int))


def _label(prediction: Any) -> Any:
    return prediction.get("label") if isinstance(prediction, dict) else prediction
