"""Doubts about a model that was replaced under load."""

from __future__ import annotations

from harness.analyse.run import replaced
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule


@run_rule
def not_replaced(context: RunContext) -> Said:
    life = context.facts.lifecycle
    if life is not None and life.replacement is not None and life.replacement.failure:
        yield (
            Verdict.WARNING,
            f"version {life.replacement.version} of the model did not take the place of the first "
            f"under load: {life.replacement.failure}",
        )


@run_rule
def mixed_versions(context: RunContext) -> Said:
    window = replaced.window(context.run)
    if window is not None and window.facts.wrong:
        yield (
            Verdict.INVALID,
            f"while the model was replaced, {window.facts.wrong} of {window.facts.checked} answers "
            "were not those of the version that they named",
        )


@run_rule
def lost_in_replacement(context: RunContext) -> Said:
    found = replaced.of_run(context.run)
    if found is not None and found.failed:
        yield (
            Verdict.WARNING,
            f"{found.failed} of {found.requests} requests failed while the model was replaced",
        )


@run_rule
def old_after_new(context: RunContext) -> Said:
    found = replaced.of_run(context.run)
    if found is not None and found.again:
        yield (
            Verdict.WARNING,
            f"{found.again} requests were answered by an old version of the model although the "
            "new one had answered before they were sent",
        )
