"""Doubts about a search for the capacity."""

from __future__ import annotations

from harness.analyse.run import capacity, capacity_words
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule

_WIDE = (
    1.2  # an interval (high/low) beyond which two servers 20% apart can't be told from each other
)


@run_rule
def capacity_unsure(context: RunContext) -> Said:
    found = capacity.of_run(context.run)
    if found is None:
        return
    low, high = found.estimate.low, found.estimate.high
    if found.estimate.rate_per_s is None or high is None:
        yield Verdict.WARNING, f"capacity: {capacity_words.sentence(found)}"
    elif low is not None and high > _WIDE * low:
        yield (
            Verdict.NOTE,
            f"the capacity is known only roughly, from {low:.1f} to {high:.1f}/s: a longer search "
            "(python -m harness capacity) is more precise",
        )
    if not found.confirmed:
        yield (
            Verdict.NOTE,
            "no probe near the capacity confirms the estimate by the law of its queue",
        )
    disturbed = sum(step.disturbed for step in found.steps)
    if disturbed:
        yield Verdict.NOTE, f"{disturbed} of {len(found.steps)} probes were disturbed by the host"
