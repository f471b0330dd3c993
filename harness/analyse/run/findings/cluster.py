"""Doubts about a Deployment: how its pods share the load, and what callers lose by its changes."""

from __future__ import annotations

from harness.analyse.run import changed, changed_words, pod_time
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule
from harness.stored.lifecycle import Lifecycle

HALF = 0.5  # of the mean: with fewer calls, a pod is hardly used


@run_rule
def requests_lost(context: RunContext) -> Said:
    for found in changed.of_run(context.run):
        if found.lost:
            yield Verdict.WARNING, f"{found.name}: {changed_words.lost(found)}"


@run_rule
def slo_not_held_again(context: RunContext) -> Said:
    for found in changed.of_run(context.run):
        if found.steps is None:
            if found.held_s is None and not found.few:
                yield Verdict.WARNING, f"{found.name}: {found.slo} did not hold again in the window"
            continue
        for up in found.steps.ups:
            if up.held_s is None and not up.few:
                yield (
                    Verdict.WARNING,
                    f"{found.name}: {found.slo} did not hold again in the {up.lasts_s:g} s at "
                    f"{up.name} ({up.rate_per_s:.1f}/s)",
                )


@run_rule
def change_not_whole(context: RunContext) -> Said:
    for change in _life(context).changes:
        if change.failure:
            yield Verdict.WARNING, f"{change.name}: {change.failure}"


@run_rule
def pods_unbalanced(context: RunContext) -> Said:
    found = pod_time.balance_of(context.facts)
    if found is not None and found.least_over_mean < HALF:
        shares = ", ".join(f"{calls:,}" for calls in found.calls)
        yield (
            Verdict.WARNING,
            f"its {len(found.calls)} pods had {shares} calls: a Service spreads connections, "
            "not requests",
        )


def _life(context: RunContext) -> Lifecycle:
    return context.facts.lifecycle or Lifecycle()
