"""Doubts about a function: its starts, its burst, and instances that were lost."""

from __future__ import annotations

from harness.analyse.run import invoked_rows
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule
from harness.stored.functions import EXITED, INIT_FAILED, OUT_OF_MEMORY, TIMED_OUT, Fate, Lost
from harness.stored.lifecycle import Lifecycle
from harness.windows.kinds import WindowKind

FEWEST_STARTS = 10  # at a temperature: with fewer, the interval of the median is their whole range


@run_rule
def starts_thrown_away(context: RunContext) -> Said:
    starts = _life(context).starts
    if starts is None:
        return
    for wrong in starts.thrown_away:
        kept = len(starts.of(wrong.temperature))
        yield (
            Verdict.NOTE if kept >= FEWEST_STARTS else Verdict.WARNING,
            f"{wrong.count} of {wrong.count + kept} starts at the temperature "
            f"{wrong.temperature!r} were thrown away: {wrong.reason}",
        )


@run_rule
def starts_impossible(context: RunContext) -> Said:
    starts = _life(context).starts
    reasons: dict[str, list[str]] = {}
    for temperature, reason in starts.impossible if starts is not None else ():
        reasons.setdefault(reason, []).append(repr(temperature))
    for reason, found in reasons.items():
        yield Verdict.NOTE, f"no start at the temperature {', '.join(found)}: {reason}"


@run_rule
def burst_throttled(context: RunContext) -> Said:
    burst = _life(context).burst
    for window in context.run.of(WindowKind.BURST):
        count = int(invoked_rows.throttled(window).sum())
        if count and burst is not None:
            yield (
                Verdict.NOTE,
                f"{count} of {len(window.invocations)} requests of the burst were throttled: "
                f"{burst.most_instances} instances were the limit",
            )


@run_rule
def instances_out_of_memory(context: RunContext) -> Said:
    function = context.facts.server.function
    for lost in _lost(context, OUT_OF_MEMORY):
        size = f" of {function.memory_mib} MiB" if function is not None else ""
        yield (
            Verdict.WARNING,
            f"{_counted(lost)} killed beyond the memory size{size}, and replaced: {lost.said}",
        )


@run_rule
def invocations_timed_out(context: RunContext) -> Said:
    for lost in _lost(context, TIMED_OUT):
        yield (
            Verdict.WARNING,
            f"{_counted(lost)} replaced, since an invocation took too long: {lost.said}",
        )


@run_rule
def init_failed(context: RunContext) -> Said:
    for lost in _lost(context, INIT_FAILED):
        yield (
            Verdict.WARNING,
            f"the initialisation of {lost.count} instances failed, or took too long: {lost.said}",
        )


@run_rule
def instances_exited(context: RunContext) -> Said:
    for lost in _lost(context, EXITED):
        yield Verdict.WARNING, f"{_counted(lost)} replaced, since the program ended: {lost.said}"


def _life(context: RunContext) -> Lifecycle:
    return context.facts.lifecycle or Lifecycle()


def _lost(context: RunContext, fate: Fate) -> list[Lost]:
    return [each for each in _life(context).lost if each.fate == fate]


def _counted(lost: Lost) -> str:
    return "1 instance was" if lost.count == 1 else f"{lost.count} instances were"
