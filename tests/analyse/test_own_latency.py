"""Quantiles of a server's own histogram, and what is told of them over rounds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.run import metrics, own_latency
from harness.analyse.run.context import RunContext
from harness.analyse.run.own_latency import OwnEstimate, OwnTimes, OwnWindow
from harness.windows.own_figures import OwnFigures, OwnLatency
from harness.windows.profiles import Profile
from tests import fakes

STEADY = Profile("steady", "poisson", 10.0, rate_per_s=50.0)


def histogram(*counts: float, bounds_s: tuple[float, ...] = (0.0, 0.5, 1.0)) -> OwnLatency:
    return OwnLatency(
        spans="request", count=sum(counts), sum_s=None, bounds_s=bounds_s, counts=counts
    )


# The first three are what Prometheus itself says of them.
@pytest.mark.parametrize(
    ("counts", "share", "ms", "low_ms", "high_ms"),
    [
        ((6, 5, 3, 5), 0.5, 350.0, 0.0, 500.0),
        ((6, 5, 3, 5), 0.99, 1000.0, 1000.0, math.inf),
        ((6, 5, 3, 5), 0.1, 0.0, 0.0, 0.0),
        ((0, 0, 10, 0), 0.5, 750.0, 500.0, 1000.0),
        ((0, 10, 0, 0), 1.0, 500.0, 0.0, 500.0),
    ],
)
def test_a_quantile_is_taken_as_prometheus_takes_it(
    counts: tuple[float, ...], share: float, ms: float, low_ms: float, high_ms: float
) -> None:
    found = own_latency.quantile(histogram(*counts), share)
    assert found is not None
    assert found.ms == pytest.approx(ms)
    assert (found.low_ms, found.high_ms) == (low_ms, high_ms)


def test_a_first_bucket_begins_at_nothing() -> None:
    found = own_latency.quantile(histogram(4, 0, bounds_s=(0.01,)), 0.5)
    assert found == OwnEstimate(ms=5.0, low_ms=0.0, high_ms=10.0)


def test_of_no_bucket_there_is_no_quantile() -> None:
    assert own_latency.quantile(histogram(bounds_s=()), 0.5) is None
    assert own_latency.quantile(histogram(0, 0, bounds_s=(1.0,)), 0.5) is None


def test_the_true_quantile_is_in_the_bucket() -> None:
    rng = np.random.default_rng(1)
    taken_s = rng.lognormal(-4, 0.7, 5000)
    bounds = tuple(0.001 * 1.5**n for n in range(16))
    counts, _ = np.histogram(taken_s, (0.0, *bounds, np.inf))
    found = histogram(*map(float, counts), bounds_s=bounds)
    for share in (0.01, 0.5, 0.95, 0.99):
        estimate = own_latency.quantile(found, share)
        true_ms = 1e3 * float(np.quantile(taken_s, share, method="inverted_cdf"))
        assert estimate is not None
        assert estimate.holds(true_ms)
        assert estimate.high_ms / estimate.low_ms == pytest.approx(1.5)


def seen(ms: float, counted: float = 100.0, problem: str = "") -> OwnWindow:
    exact = OwnEstimate(ms=ms, low_ms=ms, high_ms=ms)
    bucket = OwnEstimate(ms=ms, low_ms=ms - 1, high_ms=ms + 1)
    return OwnWindow(
        profile="steady",
        sent=100,
        answered=100,
        client=OwnTimes(p50=exact, p99=None, mean_ms=ms),
        server=OwnTimes(p50=bucket, p99=None, mean_ms=None),
        figures=None if problem else OwnFigures(requests=counted),
        problem=problem,
        scrapes=None,
    )


def test_over_rounds_medians_stand_between_the_outermost_ends() -> None:
    found = own_latency.over_rounds([seen(4.0), seen(9.0), seen(5.0), seen(2.0, problem="broken")])
    assert found is not None
    assert found.figures is not None
    assert found.client.p50 == OwnEstimate(ms=5.0, low_ms=5.0, high_ms=5.0)
    assert found.server.p50 == OwnEstimate(ms=5.0, low_ms=3.0, high_ms=10.0)
    assert (found.answered, found.figures.requests, found.agrees) == (300, 300.0, True)
    assert found.problem == "broken"
    assert own_latency.over_rounds([]) is None


def test_a_count_between_answered_and_sent_agrees() -> None:
    assert seen(1.0, counted=100.0).agrees
    assert not seen(1.0, counted=101.0).agrees
    assert not seen(1.0, counted=99.0).agrees


@pytest.mark.parametrize(("spans", "known"), [("request", True), ("model", False)])
def test_the_metrics_are_of_requests(spans: str, known: bool) -> None:
    latency = OwnLatency(
        spans=spans, count=4.0, sum_s=0.1, bounds_s=(0.01, 0.02), counts=(2.0, 2.0, 0.0)
    )
    at = np.arange(4) * 100.0
    run = fakes.exact_run((STEADY, fakes.requests(list(at), list(at), list(at + 9.0))))
    (window,) = run.windows
    facts = replace(window.facts, own=OwnFigures(requests=4.0, latency=latency))
    run = fakes.of_windows(run, replace(window, facts=facts))
    values = [metrics.METRICS[name].formula(RunContext(run=run)) for name in ("own_p50", "own_p99")]
    assert values == ([10.0, pytest.approx(19.8)] if known else [None, None])
