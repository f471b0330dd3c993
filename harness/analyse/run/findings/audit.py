"""Doubts about a server that may not predict each time that it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule
from harness.analyse.statistics import stats
from harness.setup.answering import APPROXIMATE, REFUSED, Answering
from harness.stored.records import Run, Window
from harness.windows import audit, misses
from harness.windows.audit import Times
from harness.windows.kinds import WindowKind
from harness.windows.samples import ERRORS

FASTER = 0.9  # of the time of an unseen payload; the limit of MLPerf's TEST04
CONFIDENCE = 0.999  # there are many runs in a campaign, and none may be accused by chance
_FEWEST = 10  # blocks: with fewer, even all of them would not be so sure
# A call is written down before its answer is sent, by the same clock: who predicts has none ahead.
# One in a hundred changes no number; a lost record may be one.
UNPREDICTED = 0.01
_FAILED = 0.05
_WRONG = [ERRORS.index("wrong_answer"), ERRORS.index("garbage")]


@dataclass(frozen=True, slots=True)
class Unpredicted:
    """Answers of a window that its predictions can't explain."""

    answers: int
    missing: int  # predictions, of all that the window needed
    ahead: int  # answers given before there were as many predictions, at most at once

    def too_many(self, count: int) -> bool:
        """Whether a count of them is beyond what may be a lost record."""
        return count > max(1.0, UNPREDICTED * self.answers)


@run_rule
def answers_from_a_cache(context: RunContext) -> Said:
    if context.facts.server.stores:
        return
    found = [(w, u) for w, u in _unpredicted(context.run) if u.too_many(u.missing)]
    if found:
        window, worst = max(found, key=lambda pair: pair[1].missing / pair[1].answers)
        yield (
            Verdict.INVALID,
            f"it answers from a cache: {worst.answers} answers in the window "
            f"{window.facts.profile.name!r} had {worst.answers - worst.missing} predictions",
        )
    if context.run.audit is not None:
        for said in _faster(audit.times(context.run.audit.requests)):
            yield Verdict.INVALID, f"it answers from a cache: {said}"


def _faster(times: Times) -> Iterator[str]:
    for sample, which in ((times.again, "the same, asked again,"), (times.known, "known ones")):
        first, then = _pairs(times.first, sample)
        fast = int((then < FASTER * first).sum())
        if len(first) >= _FEWEST and stats.by_chance(fast, len(first)) < 1 - CONFIDENCE:
            yield (
                f"unseen payloads took {np.median(first) / 1e6:.2f} ms, {which} "
                f"{np.median(then) / 1e6:.2f} ms (over {1 - FASTER:.0%} faster in {fast} of "
                f"{len(first)} blocks)"
            )


@run_rule
def stores_nothing(context: RunContext) -> Said:
    """The audit of a server that declares stored answers expects them."""
    server, audited = context.facts.server, context.run.audit
    if not server.stores or server.misses == REFUSED or audited is None:
        return
    times = audit.times(audited.requests)
    if len(_pairs(times.first, times.known)[0]) >= _FEWEST and not list(_faster(times)):
        yield (
            Verdict.WARNING,
            "it declares stored answers, but payloads that it knows took as long as unseen ones",
        )


@run_rule
def answers_before_predicting(context: RunContext) -> Said:
    if context.facts.server.stores:
        return
    found = [
        (w, u)
        for w, u in _unpredicted(context.run)
        # Workers may be on other hosts, with other clocks.
        if not w.facts.workers and u.too_many(u.ahead) and not u.too_many(u.missing)
    ]
    if found:
        window, worst = max(found, key=lambda pair: pair[1].ahead / pair[1].answers)
        yield (
            Verdict.INVALID,
            f"it answers before it has predicted: up to {worst.ahead} of {worst.answers} answers "
            f"in the window {window.facts.profile.name!r} were ahead of its predictions",
        )


@run_rule
def fails_on_unseen(context: RunContext) -> Said:
    if context.run.audit is None or not len(context.run.audit.requests):
        return
    error = context.run.audit.requests.error
    unseen = audit.unseen(context.run.audit.requests)
    if context.facts.server.misses == REFUSED:
        error = np.where(unseen & misses.refused(context.run.audit.requests), 0, error)
    wrong = np.isin(error, _WRONG)
    if wrong.any():
        yield (
            Verdict.INVALID,
            f"{int(wrong.sum())} of {len(error)} answers in the audit are not the reference's, "
            f"{int(wrong[unseen].sum())} of them for unseen payloads",
        )
    failed = int(((error != 0) & ~wrong).sum())
    if failed:
        verdict = Verdict.INVALID if failed > _FAILED * len(error) else Verdict.WARNING
        kinds = ", ".join(ERRORS[code] for code in np.unique(error[(error != 0) & ~wrong]))
        yield verdict, f"{failed} of {len(error)} requests of the audit failed: {kinds}"


@run_rule
def audit_too_short(context: RunContext) -> Said:
    if context.run.audit is None or context.facts.server.misses == REFUSED:
        return
    times = audit.times(context.run.audit.requests)
    blocks = len(_pairs(times.first, times.again)[0])
    if blocks < _FEWEST:
        yield (
            Verdict.NOTE,
            f"the audit had time for {blocks} blocks; it needs {_FEWEST} to detect a cache by its "
            "times",
        )


def _pairs(first: Any, then: Any) -> tuple[Any, Any]:
    """Both times of those blocks that have two."""
    count = min(len(first), len(then))
    both = ~np.isnan(first[:count]) & ~np.isnan(then[:count])
    return first[:count][both], then[:count][both]


def _unpredicted(run: Run) -> Iterator[tuple[Window, Unpredicted]]:
    """Window by window; nothing where the predictor was not seen from the inside."""
    if run.facts.model_threads and not run.facts.server.reference:
        for window in run.windows:
            # A pod that is replaced or killed takes records of its last calls with it.
            if window.requests.ok.any() and window.facts.kind != WindowKind.CHANGE:
                yield window, _counted(window, run.facts.server.answers)


def _counted(window: Window, answers: Answering) -> Unpredicted:
    requests, calls = window.requests, window.calls
    asked = requests.ok
    if answers == APPROXIMATE:  # by intention some are not predicted by the benchmark's model
        asked = asked & (window.marks.each("local", len(requests)) != 1)
    done = np.sort(requests.done_ns[asked])
    ends = calls.start_ns + calls.duration_ns
    order = np.argsort(ends, kind="stable")
    predicted = np.concatenate(([0], np.cumsum(calls.batch[order])))
    by_then = predicted[np.searchsorted(ends[order], done, side="right")]
    ahead = np.arange(1, len(done) + 1) - by_then
    missing = len(done) - int(predicted[-1])
    return Unpredicted(len(done), max(missing, 0), int(ahead.max(initial=0)))
