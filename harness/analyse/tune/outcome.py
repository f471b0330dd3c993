"""The results of a tune: each setting, the best one beside today's, the worth of each knob."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.analyse.run import capacity, findings
from harness.analyse.run.capacity import Found as Searched
from harness.analyse.run.context import within
from harness.analyse.run.findings import Verdict
from harness.analyse.statistics import pareto
from harness.analyse.tune import knob_worth
from harness.analyse.tune.knob_worth import Worth
from harness.search import confirmed
from harness.search.candidates import Candidate, Lowest, Outcome, candidates, cell_of, choices
from harness.search.confirmed import Confirmed
from harness.stored.identity import Cell
from harness.stored.records import Campaign, Run
from harness.stored.tunings import TODAY, Tuning, TuningStep
from harness.windows.samples import MISSING

_NOTHING_KNOWN = "none of its probes counts: they were too short, or the host disturbed them"
_SAME = 1.03  # times as much memory
_APART = ("provision", "capacity")  # an environment is made once


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedVariant:
    """The results for one variant."""

    variant: str
    tuning: Tuning
    candidates: tuple[Candidate, ...]
    best: Candidate | None  # the other setting that was chosen; None: only today's meets the SLO
    confirmed: Confirmed
    worth: tuple[Worth, ...]
    front: tuple[
        Candidate, ...
    ]  # least memory first; no other has more capacity with no more of it
    damaged: tuple[str, ...] = ()

    @property
    def today(self) -> Candidate | None:
        return next((candidate for candidate in self.candidates if candidate.number == TODAY), None)

    @property
    def today_is_able(self) -> bool:
        """Whether today's setting meets the SLO within the memory."""
        return self.today in choices(self.candidates, self.tuning.memory_bytes)

    @property
    def chosen(self) -> Candidate | None:
        """The setting to keep: today's, unless another is better beyond noise, or it is none."""
        if self.best is None:
            return self.today if self.today_is_able else None
        ratio = self.confirmed.ratio
        better = ratio is not None and ratio.low > 1
        return self.best if better or not self.today_is_able else self.today


def judge(run: Run, campaign: Campaign) -> Outcome:
    """The outcome of a setting's run."""
    failure, phases = run.facts.failure, run.facts.phases_s
    found = None if failure else capacity.of_run(run)
    doubt = "" if failure else _doubt(run, campaign, found)
    rate = low = high = None
    if found is not None and not doubt:
        rate, low, high = found.estimate.rate_per_s, found.estimate.low, found.estimate.high
        if found.estimate.bracketed and low and high:
            rate = math.sqrt(low * high)
    overhead_s = sum(seconds for phase, seconds in phases.items() if phase not in _APART)
    return Outcome(
        capacity=rate,
        low=low,
        high=high,
        memory_bytes=peak_bytes(run),
        failed=f"{failure.phase}: {failure.message}" if failure else "",
        doubt=doubt,
        lowest=_lowest(found),
        ready_s=run.facts.startup.ready_s if run.facts.startup else None,
        wall_s=overhead_s + phases.get("capacity", 0.0),
        overhead_s=overhead_s,
    )


def _doubt(run: Run, campaign: Campaign, found: Searched | None) -> str:
    doubts = findings.of_run(within(campaign, run))
    invalid = "; ".join(d.message for d in doubts if d.verdict is Verdict.INVALID)
    if invalid:
        return f"INVALID: {invalid}"
    estimate = found.estimate if found else None
    if estimate is None or (estimate.rate_per_s is None and estimate.high is None):
        return _NOTHING_KNOWN
    return ""


def _lowest(found: Searched | None) -> Lowest | None:
    steps = [step for step in found.steps if step.requests] if found else []
    lowest = min(steps, key=lambda step: step.rate_per_s, default=None)
    if lowest is None:
        return None
    return Lowest(lowest.rate_per_s, lowest.over / lowest.requests, lowest.percentile_ms)


def peak_bytes(run: Run) -> int | None:
    """The most memory that its processes held at the end of any window, pages shared by several
    counted once."""
    seen = (window.usage.pss_bytes for window in run.windows)
    known = [int(column[column != MISSING].max()) for column in seen if (column != MISSING).any()]
    return max(known, default=None)


def of_campaign(
    campaign: Campaign, outcomes: Mapping[Cell, Outcome | None], damaged: Mapping[Cell, str]
) -> list[TunedVariant]:
    """The results of a stored tune, one for each variant; empty if the campaign is no tune."""
    tuning = campaign.tuning
    if tuning is None:
        return []
    placed = [(step, cell_of(tuning, step)) for step in tuning.steps]
    runs = [(step, found) for step, cell in placed if (found := outcomes.get(cell)) is not None]
    return [
        of_runs(
            tuning,
            variant,
            runs,
            tuple(damaged[c] for step, c in placed if step.variant == variant and c in damaged),
        )
        for variant in tuning.knobs
    ]


def of_runs(
    tuning: Tuning,
    variant: str,
    runs: Sequence[tuple[TuningStep, Outcome]],
    damaged: tuple[str, ...] = (),
) -> TunedVariant:
    """The results that follow from a variant's runs."""
    tried = candidates(variant, runs)
    today = tried[0].setting if tried else {}
    known = [candidate for candidate in tried if candidate.capacity is not None]
    best = _best(tried, tuning.memory_bytes)
    return TunedVariant(
        variant=variant,
        tuning=tuning,
        candidates=tuple(tried),
        best=best,
        confirmed=confirmed.of(tried, best),
        worth=knob_worth.of(tuning.knobs[variant], today, known),
        front=tuple(_front(known)),
        damaged=damaged,
    )


def _best(tried: Sequence[Candidate], memory_bytes: int | None) -> Candidate | None:
    """The one that was confirmed beside today's; while none was, the one that would be."""
    able = [t for t in choices(tried, memory_bytes) if t.number != TODAY]
    looked_at = [candidate for candidate in able if candidate.confirming()]
    return next(iter(looked_at or able), None)


def _front(known: Sequence[Candidate]) -> list[Candidate]:
    seen = [t for t in known if t.memory_bytes is not None]
    pairs = [(float(t.memory_bytes or 0), -(t.capacity or 0.0)) for t in seen]
    places = pareto.front(pairs)
    # A setting that needs only a trace more memory is no separate choice.
    apart = [pairs[after][0] > _SAME * pairs[place][0] for place, after in pairwise(places)]
    return [seen[place] for place, far in zip(places, [*apart, True], strict=False) if far]
