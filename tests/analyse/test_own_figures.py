"""The server's own count beside what is seen from outside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.run import findings
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Finding, Verdict
from harness.windows.own_figures import OwnFigures, OwnLatency, Scrapes
from harness.windows.profiles import Profile
from harness.windows.samples import calls_of
from tests import fakes

STEADY = Profile("steady", "poisson", 10.0, rate_per_s=50.0)
COUNT = 100
MANY = 400  # enough for a p99


def told(
    own: OwnFigures | None, name: str = "own-figures", count: int = COUNT, **more: object
) -> list[Finding]:
    """A hundred requests: 1 ms before, then 4 ms of waiting for all but each fifth, 5 ms of model,
    2 ms after."""
    at = np.arange(count) * 100.0
    waited = np.where(np.arange(count) % 5 == 0, 0.0, 4.0)
    requests = fakes.requests(list(at), list(at), list(at + waited + 8.0))
    started = ((at + 1.0 + waited) * 1e6).astype(np.int64)
    ones = np.ones(count, np.int64)
    run = fakes.exact_run((STEADY, requests))
    facts = replace(run.windows[0].facts, own=own, **more)  # type: ignore[arg-type]
    seen = calls_of(started, ones * 5_000_000, ones, ones)
    run = replace(run, windows=(replace(run.windows[0], facts=facts, calls=seen),))
    return [finding for finding in findings.of_run(RunContext(run=run)) if finding.name == name]


def test_what_agrees_is_a_note_with_both() -> None:
    (found,) = told(OwnFigures(requests=COUNT, queue_s=0.33, model_s=0.52))
    assert found.verdict is Verdict.NOTE
    assert found.message == (
        "the server itself counted 3.30 ms of waiting and 5.20 ms in the model for a request; "
        "seen from outside: 3.20 ms (and 1.00 ms before) and 5.00 ms"
    )


@pytest.mark.parametrize(
    ("queue_s", "model_s", "agrees"),
    [
        (0.32, 0.5, True),
        (0.43, 0.5, True),  # it counts what no request escapes as waiting
        (0.1, 0.5, False),
        (0.7, 0.5, False),
        (0.32, 0.7, False),
        (0.32, 0.3, False),
    ],
)
def test_beyond_the_limit_it_is_a_warning(queue_s: float, model_s: float, agrees: bool) -> None:
    (found,) = told(OwnFigures(requests=COUNT, queue_s=queue_s, model_s=model_s))
    assert found.verdict is (Verdict.NOTE if agrees else Verdict.WARNING)


def test_other_requests_in_its_count_are_said() -> None:
    (found,) = told(OwnFigures(requests=COUNT + 7, queue_s=0.3, model_s=0.5), "own-metrics")
    assert found.verdict is Verdict.WARNING
    assert "counted 107 requests in the steady window, 100 were answered" in found.message
    assert told(OwnFigures(requests=COUNT + 7, queue_s=0.3, model_s=0.5)) == []
    assert told(OwnFigures(requests=COUNT, queue_s=0.3, model_s=0.5), "own-metrics") == []


def test_metrics_that_are_behind_are_a_note() -> None:
    (found,) = told(OwnFigures(requests=COUNT - 30, lag_s=10.0), "own-metrics")
    assert found.verdict is Verdict.NOTE
    assert found.message.endswith("100 were answered: its metrics are up to 10 s behind")


def test_why_there_are_no_figures_is_a_warning() -> None:
    (found,) = told(None, "own-metrics", own_problem="its metrics at /metrics: HTTP 404")
    assert found.verdict is Verdict.WARNING
    assert found.message == "no figures of its own: its metrics at /metrics: HTTP 404"


def test_scrapes_without_an_answer_are_a_warning() -> None:
    scrapes = Scrapes(every_s=1.0, answered=7, failed=3, longest_s=0.1, bytes=100)
    (found,) = told(OwnFigures(requests=COUNT), "own-metrics", scrapes=scrapes)
    assert found.verdict is Verdict.WARNING
    assert found.message.startswith("3 of 10 requests for its metrics")


def latency(*counts: float, sum_s: float = 2.0, spans: str = "request") -> OwnLatency:
    return OwnLatency(
        spans=spans,
        count=MANY,
        sum_s=sum_s,
        bounds_s=(0.005, 0.01, 0.025)[: len(counts) - 1],
        counts=counts,
    )


def says(latency: OwnLatency) -> list[Finding]:
    return told(OwnFigures(requests=MANY, latency=latency), "own-latency-hides", MANY)


def test_a_p99_that_it_does_not_show_is_a_note() -> None:
    # The client's is 12 ms.
    (found,) = says(latency(200.0, 200.0, 0.0, 0.0))
    assert found.verdict is Verdict.NOTE
    assert found.message == (
        "by its own metrics p99 is 9.9 ms (a bucket from 5 to 10 ms), its client's is 12.0 ms"
    )
    assert says(latency(0.0, 0.0, 400.0, 0.0)) == []  # it may be 12 ms


def test_a_mean_beyond_what_its_client_waited_is_a_warning() -> None:
    (found,) = says(latency(0.0, 0.0, 400.0, 0.0, sum_s=6.0))
    assert found.verdict is Verdict.WARNING
    assert "takes 15.00 ms on average, more than the 11.20 ms" in found.message
    assert says(latency(0.0, 0.0, 400.0, 0.0, sum_s=6.0, spans="model")) == []


@pytest.mark.parametrize(
    "own", [None, OwnFigures(requests=COUNT, model_s=0.5), OwnFigures(requests=COUNT, queue_s=0.3)]
)
def test_without_its_figures_nothing_is_said(own: OwnFigures | None) -> None:
    assert told(own) == []
