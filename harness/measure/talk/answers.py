"""Whether an answer is right: decoded by its protocol, then judged by the benchmark's judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.base.errors import AnswerError
from harness.base.secrecy import conceal
from harness.measure.talk import local
from harness.protocols import Protocol
from harness.setup.judges import Judge
from harness.windows.samples import ERRORS, Requests

GARBAGE = ERRORS.index("garbage")
WRONG = ERRORS.index("wrong_answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The reference's prediction for each payload, and how near an answer must be."""

    expected: list[Any]
    tolerance: float
    protocol: Protocol
    rule: Judge
    together: int = 1  # instances in a request: a payload and those after it, round and round
    approximate: bool = False  # some are a smaller model's, and say so

    def judge(self, payload: int, body: bytes) -> tuple[int, str]:
        """(error code, why) of a response to one payload; (0, "") if it is right."""
        try:
            predictions = self.protocol.decode(body)
            number = self.protocol.answered(body)
        except AnswerError as error:
            return GARBAGE, str(error)
        if number is not None and number != str(payload):
            return WRONG, f"it says that it answers payload {_short(number)}"
        if len(predictions) != self.together:
            asked = "one instance" if self.together == 1 else f"{self.together} instances"
            return GARBAGE, f"{len(predictions)} predictions for {asked}"
        is_local = self.approximate and local.is_local(body)
        for place, prediction in enumerate(predictions):
            expected = self.expected[(payload + place) % len(self.expected)]
            if is_local and local.alike(expected, prediction):
                continue
            if not self.rule.right(expected, prediction, self.tolerance):
                return WRONG, f"expected {expected!r}, got {_short(prediction)}"
        return 0, ""

    def judged(
        self, requests: Requests, bodies: Mapping[int, bytes]
    ) -> tuple[Requests, int, list[str]]:
        """(requests with wrong answers marked, how many were checked, what was wrong)."""
        error, complaints = requests.error.copy(), []
        answered = [row for row in bodies if error[row] == 0]
        for row in answered:
            error[row], why = self.judge(int(requests.payload[row]), bodies[row])
            if why:
                complaints.append(f"payload {requests.payload[row]}: {why}")
        return replace(requests, error=error), len(answered), complaints


def not_right(requests: Requests, complaints: Sequence[str]) -> AnswerError:
    """The error to raise if not every request was answered rightly."""
    kinds = {ERRORS[code] for code in requests.error[~requests.ok]}
    refused = requests.status[requests.error == ERRORS.index("status")]
    status = ", ".join(map(str, np.unique(refused).tolist()))
    shown = f" (HTTP {status})" if status else ""
    return AnswerError(
        f"{(~requests.ok).sum()} of {len(requests)} answers are not the reference's: "
        f"{', '.join(sorted(kinds))}{shown}. {'; '.join(complaints[:3])}"
    )


def _short(value: Any) -> str:
    text = conceal(repr(value))  # before it is cut
    return text if len(text) <= 120 else text[:117] + "..."
