"""The next run of a tune: a pure function of the measurements and the time left.

Settings are first tried briefly (explore), the best of them again at twice the length (sift), and
the best of those beside today's, in turns and with fresh starts of their own (confirm). What a
setting was chosen by has luck in it: only the last runs say how good it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.measure.tune import proposals
from harness.measure.tune.proposals import Scored
from harness.search import confirmed
from harness.search.candidates import Candidate, Outcome, candidates, choices
from harness.search.enough import MOST_STARTS
from harness.setup.knobs import Setting, Value
from harness.stored.tunings import TODAY, Stage, Tuning, TuningStep

LONGER = 2.0  # times the search of a first try
LEAST_TRIED = 3
_SIFTED = 3
_TWICE = 2  # runs of each that is sifted, its first try counted; of one in doubt too
_STARTS = 3  # of each that is confirmed; fewer where time is short, more where there is some
_LEAST_STARTS = 2
_LOOKS = 4  # starts of each after which, and after each as many more, they may be separated
_UNKNOWN_S = 10.0  # beside its search, until a run of the variant was seen
_WORST = -100.0  # a logarithm that no capacity has


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that a run takes."""

    short_s: float
    long_s: float


def cost(
    search_s: float, seen: Sequence[tuple[TuningStep, Outcome]], known_s: float | None = None
) -> Cost:
    """The cost by the runs that were seen, else by earlier campaigns."""
    # A search takes longer than it was given where the server needs long to be idle after a probe.
    overheads = [
        max(outcome.overhead_s, outcome.wall_s - step.search_s)
        for step, outcome in seen
        if not outcome.failed
    ]
    beside = sum(overheads) / len(overheads) if overheads else (known_s or _UNKNOWN_S)
    return Cost(beside + search_s, beside + LONGER * search_s)


def least_s(one: Cost, settings: int, tried: int = 0) -> float:
    """The time of the shortest search that can decide anything."""
    return max(min(LEAST_TRIED, settings) - tried, 0) * one.short_s + 2 * _LEAST_STARTS * one.long_s


def following(
    tuning: Tuning,
    variant: str,
    today: Setting,
    runs: Sequence[tuple[TuningStep, Outcome]],
    left_s: float,
    one: Cost,
) -> TuningStep | None:
    """The next run of a variant; None where nothing is left to do, or no time for it."""
    tried = candidates(variant, runs)
    begun = {step.stage for step, _ in runs if step.variant == variant}
    if not tried:
        return _step(tuning, variant, TODAY, dict(today), "explore", 1)
    able = choices(tried, tuning.memory_bytes)
    if begun <= {"explore"}:
        found = _explore(tuning, variant, tried, able, left_s, one)
        if found is not None:
            return found
    if not able:
        return None
    if "confirm" not in begun:
        again = _sift(able)
        if again is not None and left_s >= one.long_s + 2 * _LEAST_STARTS * one.long_s:
            return _again(tuning, again, "sift")
    return _confirm(tuning, tried, able, left_s, one)


def _explore(
    tuning: Tuning,
    variant: str,
    tried: Sequence[Candidate],
    able: Sequence[Candidate],
    left_s: float,
    one: Cost,
) -> TuningStep | None:
    space = tuning.knobs[variant]
    # While nothing meets the SLO there is nothing to sift and to confirm.
    after_s = (_SIFTED + 2 * _STARTS) * one.long_s if able else 0.0
    if len(tried) >= min(LEAST_TRIED, proposals.size(space)) and left_s < one.short_s + after_s:
        return None
    # Runs disturbed by the host say nothing about the setting.
    again = [found for found in tried if found.doubt and len(found.runs) < _TWICE]
    if again:
        return _again(tuning, again[0], "explore")
    scored = [
        Scored(candidate.setting, score(candidate, tuning.memory_bytes)) for candidate in tried
    ]
    setting = proposals.propose(space, scored)
    if setting is None:
        return None
    number = max(candidate.number for candidate in tried) + 1
    return _step(tuning, variant, number, setting, "explore", 1)


def score(candidate: Candidate, memory_bytes: int | None) -> float | None:
    """The logarithm of its capacity; None if it is unknown.

    A setting that cannot be chosen is below all that can, the closer to one that can, the higher.
    """
    if candidate.failed:
        return 2 * _WORST
    if candidate.doubt:
        return None
    if not candidate.fits(memory_bytes):
        return _WORST - math.log((candidate.memory_bytes or 1) / (memory_bytes or 1))
    if candidate.capacity is None:
        return _WORST - 10.0
    return math.log(candidate.capacity)


def _sift(able: Sequence[Candidate]) -> Candidate | None:
    """One of the best settings that were measured once; None if there is nothing to sift."""
    others = [candidate for candidate in able if candidate.number != TODAY]
    if len(others) < 2:
        return None
    sifted = sum(step.stage == "sift" for candidate in able for step, _ in candidate.runs)
    once = [candidate for candidate in others[:_SIFTED] if len(candidate.runs) < _TWICE]
    return once[0] if once and sifted < 2 * _SIFTED else None


def _confirm(
    tuning: Tuning, tried: Sequence[Candidate], able: Sequence[Candidate], left_s: float, one: Cost
) -> TuningStep | None:
    pair = _pair(tried, able)
    done = sum(len(candidate.confirming()) for candidate in tried)
    turn, place = divmod(done, len(pair))
    rest_s = (len(pair) - place) * one.long_s
    if turn >= _LEAST_STARTS and left_s < rest_s:
        return None
    if place == 0 and turn and turn % _LOOKS == 0:
        told = confirmed.of(tried, pair[-1])
        if turn >= MOST_STARTS or told.ratio is None or told.needed is None:
            return None
    # A B, B A: a drift of the machine hits both alike.
    ordered = pair if turn % 2 == 0 else pair[::-1]
    return _again(tuning, ordered[place], "confirm")


def _pair(tried: Sequence[Candidate], able: Sequence[Candidate]) -> list[Candidate]:
    """Today's setting and the best other one, as far as they are choices; the same to the end."""
    chosen = [candidate for candidate in tried if candidate.confirming()]
    if len(chosen) > 1 or (chosen and len(able) < 2):
        return sorted(chosen, key=lambda candidate: candidate.number)
    others = [candidate for candidate in (*chosen, *able) if candidate.number != TODAY]
    # More runs may settle a doubt.
    today = [c for c in tried if c.number == TODAY and (c in able or c.doubt)]
    return [*today, *others[:1]]


def _again(tuning: Tuning, candidate: Candidate, stage: Stage) -> TuningStep:
    return _step(
        tuning,
        candidate.variant,
        candidate.number,
        dict(candidate.setting),
        stage,
        len(candidate.runs) + 1,
    )


def _step(
    tuning: Tuning, variant: str, number: int, setting: dict[str, Value], stage: Stage, round_: int
) -> TuningStep:
    longer = 1.0 if stage == "explore" else LONGER
    return TuningStep(
        variant=variant,
        candidate=number,
        setting=setting,
        stage=stage,
        round=round_,
        search_s=longer * tuning.search_s,
    )
