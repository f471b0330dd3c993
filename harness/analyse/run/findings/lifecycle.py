"""Doubts about how a server bears too much, and how it goes."""

from __future__ import annotations

from collections.abc import Iterator

from harness.analyse.run import strain_outcomes
from harness.analyse.run.findings import Verdict, run_rule
from harness.stored.lifecycle import OVERLOAD, SHUTDOWN
from harness.stored.records import Run


@run_rule
def died_of_overload(run: Run, _: int) -> Iterator[tuple[Verdict, str]]:
    overload = run.facts.lifecycle.overload if run.facts.lifecycle else None
    if overload is not None and overload.died:
        yield (
            Verdict.WARNING,
            f"at twice its capacity of {overload.capacity_per_s:.1f}/s it ended: {overload.died}",
        )


@run_rule
def no_recovery(run: Run, _: int) -> Iterator[tuple[Verdict, str]]:
    overload = run.facts.lifecycle.overload if run.facts.lifecycle else None
    window = run.strain(OVERLOAD)
    if window is None or overload is None or overload.died or overload.recovery_s is not None:
        return
    yield (
        Verdict.WARNING,
        f"after {window.facts.profile.duration_s:g} s at twice its capacity of "
        f"{overload.capacity_per_s:.1f}/s it never again answered a request in time",
    )


@run_rule
def lost_at_shutdown(run: Run, _: int) -> Iterator[tuple[Verdict, str]]:
    found = strain_outcomes.ended(run)
    if found is not None and found.lost:
        yield (
            Verdict.WARNING,
            f"{found.lost} of {found.in_flight} requests that were in flight at the stop signal "
            "never got a right answer",
        )


@run_rule
def no_restart(run: Run, _: int) -> Iterator[tuple[Verdict, str]]:
    restart = run.facts.lifecycle.restart if run.facts.lifecycle else None
    window = run.strain(SHUTDOWN)
    if window is None or restart is None or strain_outcomes.gap_s(run) is not None:
        return
    reason = restart.failure
    if not reason:
        left_s = window.facts.elapsed_s - restart.launched_ns / 1e9
        reason = f"no right answer came within {max(left_s, 0.0):.1f} s"
    yield Verdict.WARNING, f"restart under load: {reason}"
