"""Whether an answer is right: decoded by its protocol, then judged by the benchmark's judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness.base.errors import AnswerError
from harness.base.secrecy import conceal
from harness.measure.talk import local
from harness.protocols import Protocol
from harness.setup.judges import Judge
from harness.windows.marks import Marks
from harness.windows.samples import ERRORS, MISSING, Requests, empty

GARBAGE = ERRORS.index("garbage")
WRONG = ERRORS.index("wrong_answer")
FIRST = 1  # version of the model


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The reference's prediction for each payload, and how near an answer must be."""

    expected: list[Any]
    tolerance: float
    protocol: Protocol
    rule: Judge
    together: int = 1  # instances in a request: a payload and those after it, round and round
    later: Mapping[int, list[Any]] = field(default_factory=dict)  # of other versions of the model
    approximate: bool = False  # some are a smaller model's, and say so

    def judge(self, payload: int, body: bytes, version: int = MISSING) -> tuple[int, str]:
        """(error code, why) of a response to one payload; (0, "") if it is right. It must be the
        answer of the version that it names; of the first, where it names none."""
        if self.later and version not in (MISSING, FIRST, *self.later):
            return WRONG, f"it names version {version} of the model, which nobody made"
        expected = self.later.get(version, self.expected)
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
            right = expected[(payload + place) % len(expected)]
            if is_local and local.alike(right, prediction):
                continue
            if not self.rule.right(right, prediction, self.tolerance):
                named = f" of version {version}" if version in self.later else ""
                return WRONG, f"expected {right!r}{named}, got {_short(prediction)}"
        return 0, ""

    def judged(
        self, requests: Requests, bodies: Mapping[int, bytes], marks: Marks | None = None
    ) -> tuple[Requests, int, list[str]]:
        """(requests with wrong answers marked, how many were checked, what was wrong). Payloads of
        which nobody knows the answer are not checked."""
        error, complaints = requests.error.copy(), []
        known = requests.payload < len(self.expected)
        answered = [row for row in bodies if error[row] == 0 and known[row]]
        versions = (marks or empty(Marks)).each("version", len(requests))
        for row in answered:
            payload, version = int(requests.payload[row]), int(versions[row])
            error[row], why = self.judge(payload, bodies[row], version)
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
