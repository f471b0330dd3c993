"""Doubts about a server whose requests wait for more than the requests before them."""

from __future__ import annotations

from harness.analyse.run import waiting
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule


@run_rule
def waits_more_than_it_should(context: RunContext) -> Said:
    found = waiting.excess(context.run)
    if found is None or found.seen_ms <= found.expected_ms:
        return
    time = "time until the result is there" if found.polled else "response time"
    yield (
        Verdict.WARNING,
        f"each request keeps the next one waiting {found.factor:.2f} times as long as the "
        f"throughput implies: at {found.rate_per_s:.0f}/s the mean {time} is "
        f"{found.seen_ms:.1f} ms, where the law of its queue predicts {found.expected_ms:.1f} ms; "
        f"most of the difference is {found.part}",
    )
