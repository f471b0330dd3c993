"""The fates of jobs, and the guarantee that a queue was seen to keep."""

from __future__ import annotations

from collections import Counter

import numpy as np

from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule
from harness.stored.lifecycle import SHUTDOWN
from harness.stored.records import Window
from harness.windows.samples import ERRORS, MISSING

_NOT_FOUND = 404
_STATUS, _FAILED = ERRORS.index("status"), ERRORS.index("failed")


@run_rule
def job_fates(context: RunContext) -> Said:
    fates: Counter[str] = Counter()
    # Where it is shut down on purpose, what is in flight is counted by itself.
    for window in context.run.windows:
        if window.facts.profile.name != SHUTDOWN:
            fates += fates_of(window)
    if not fates:
        return
    if fates["lost"]:
        verdict, seen = Verdict.WARNING, "accepted jobs can be lost"
    elif fates["again"]:
        verdict, seen = Verdict.NOTE, "at least once, as far as was seen"
    else:
        verdict, seen = Verdict.NOTE, "each once, as far as was seen"
    yield (
        verdict,
        f"of {fates.total()} accepted jobs {fates['once']} were completed by one run and "
        f"{fates['again']} by more, {fates['failed']} failed, {fates['lost']} were lost, and of "
        f"{fates['open']} the end is not known: {seen}",
    )


def fates_of(window: Window) -> Counter[str]:
    """How many accepted jobs of a window were completed by one run (`once`) or more (`again`),
    `failed`, were `lost` (not known any more to who had taken them), or have an end that nobody saw
    (`open`); empty where it has no jobs."""
    requests, count = window.requests, len(window.requests)
    asked = window.marks.each("polls", count) != MISSING
    if not asked.any():
        return Counter()
    runs, error = window.marks.each("runs", count), requests.error
    refused = error == _STATUS
    lost = asked & refused & (requests.status == _NOT_FOUND)
    failed = asked & (error == _FAILED)
    done = asked & ~refused & ~failed
    unseen = (asked & refused & ~lost) | (~asked & ~refused & (requests.first_byte_ns != MISSING))
    rows = {
        "once": done & (runs < 2),  # or no number of runs was told
        "again": done & (runs >= 2),
        "failed": failed,
        "lost": lost,
        "open": unseen,
    }
    return Counter({name: int(np.count_nonzero(which)) for name, which in rows.items()})
