"""Answers that any of several versions of a model may give: right is what one of them gives, and
which one is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness.measure.talk.answers import FIRST, GARBAGE, WRONG, Answers
from harness.windows.marks import MARKS, Marks, joined
from harness.windows.samples import MISSING, Requests

_VERSION = MARKS.index("version")


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionedAnswers(Answers):
    """The judge of a service whose versions replace each other while it is asked."""

    by_version: Mapping[int, Answers]  # the first one too
    told: dict[int, int] = field(default_factory=dict)  # by request: the one version it may be of

    def judge(self, payload: int, body: bytes, version: int = MISSING) -> tuple[int, str]:
        """As `Answers.judge`, of any version: these name none."""
        del version
        return self._judged(payload, body)[:2]

    def judged(
        self, requests: Requests, bodies: Mapping[int, bytes], marks: Marks | None = None
    ) -> tuple[Requests, int, list[str]]:
        """As `Answers.judged`; `told` is of these requests then."""
        del marks
        error, complaints = requests.error.copy(), []
        known: dict[tuple[int, bytes], tuple[int, str, int]] = {}  # servers repeat themselves
        self.told.clear()
        answered = [row for row in bodies if error[row] == 0]
        answered = [row for row in answered if requests.payload[row] < len(self.expected)]
        for row in answered:
            key = int(requests.payload[row]), bodies[row]
            if key not in known:
                known[key] = self._judged(*key)
            error[row], why, version = known[key]
            if why:
                complaints.append(f"payload {key[0]}: {why}")
            elif version != MISSING:
                self.told[row] = version
        return replace(requests, error=error), len(answered), complaints

    def _judged(self, payload: int, body: bytes) -> tuple[int, str, int]:
        """(error code, why, the version that gives it; MISSING where that is none, or several)."""
        found = {v: answers.judge(payload, body) for v, answers in self.by_version.items()}
        right = [version for version, (code, _) in found.items() if code == 0]
        if right:
            return 0, "", right[0] if len(right) == 1 else MISSING
        code = GARBAGE if GARBAGE in [code for code, _ in found.values()] else WRONG
        return code, f"no version answers so: {found[min(found)][1]}", MISSING

    def marked(self, marks: Marks) -> Marks:
        """With the version that answered each of the requests judged last, where one alone can
        have."""
        rows = np.array(sorted(self.told), np.int64)
        versions = np.array([self.told[row] for row in rows.tolist()], np.int64)
        mine = Marks(request=rows, mark=np.full_like(rows, _VERSION), value=versions)
        return joined([marks, mine])


def of(answers: Answers, later: Mapping[int, Sequence[Any]]) -> VersionedAnswers:
    """A judge of the first version, who knows what later ones answer."""
    each = {FIRST: answers}
    each |= {version: replace(answers, expected=list(known)) for version, known in later.items()}
    return VersionedAnswers(
        expected=answers.expected,
        tolerance=answers.tolerance,
        protocol=answers.protocol,
        rule=answers.rule,
        together=answers.together,
        approximate=answers.approximate,
        by_version=each,
    )
