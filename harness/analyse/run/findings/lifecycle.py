"""Doubts about how a server bears too much, and how it goes."""

from __future__ import annotations

from harness.analyse.run import strain_outcomes
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule
from harness.stored.lifecycle import OVERLOAD, SHUTDOWN


@run_rule
def died_of_overload(context: RunContext) -> Said:
    overload = context.facts.lifecycle.overload if context.facts.lifecycle else None
    if overload is not None and overload.died:
        yield (
            Verdict.WARNING,
            f"at twice its capacity of {overload.capacity_per_s:.1f}/s it ended: {overload.died}",
        )


@run_rule
def not_overloaded(context: RunContext) -> Said:
    life = context.facts.lifecycle
    if life is not None and life.not_overloaded and not context.facts.server.reference:
        yield Verdict.NOTE, f"it was not loaded with twice its capacity: {life.not_overloaded}"


@run_rule
def no_recovery(context: RunContext) -> Said:
    overload = context.facts.lifecycle.overload if context.facts.lifecycle else None
    window = context.run.strain(OVERLOAD)
    if window is None or overload is None or overload.died or overload.recovery_s is not None:
        return
    yield (
        Verdict.WARNING,
        f"after {window.facts.profile.duration_s:g} s at twice its capacity of "
        f"{overload.capacity_per_s:.1f}/s it never again answered a request in time",
    )


@run_rule
def lost_at_shutdown(context: RunContext) -> Said:
    found = strain_outcomes.ended(context.run)
    if found is not None and found.lost:
        yield (
            Verdict.WARNING,
            f"{found.lost} of {found.in_flight} requests that were in flight at the stop signal "
            "never got a right answer",
        )


@run_rule
def no_restart(context: RunContext) -> Said:
    restart = context.facts.lifecycle.restart if context.facts.lifecycle else None
    window = context.run.strain(SHUTDOWN)
    if window is None or restart is None or strain_outcomes.gap_s(context.run) is not None:
        return
    reason = restart.failure
    if not reason:
        left_s = window.facts.elapsed_s - restart.launched_ns / 1e9
        reason = f"no right answer came within {max(left_s, 0.0):.1f} s"
    yield Verdict.WARNING, f"restart under load: {reason}"
