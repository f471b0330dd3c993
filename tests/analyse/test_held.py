"""What a run shows of SLOs that nobody searched for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.analyse.run import capacity, digest, held
from harness.analyse.run.held import Held
from harness.search.search import Estimate
from harness.setup import slo
from harness.stored.records import Run
from harness.windows.profiles import Profile
from tests import fakes
from tests.fakes import Fake

OWN = slo.parse("p99<50ms")
HALF, TWICE = "p99<25ms, errors<0.1%", "p99<100ms, errors<0.1%"


def fitted(rate: float) -> Held:
    return Held(least=rate, most=rate, low=0.95 * rate, high=1.05 * rate)


def at_least(rate: float) -> Held:
    return Held(least=rate, most=math.inf)


def below(rate: float) -> Held:
    return Held(least=0.0, most=rate)


def unknown(_: float) -> Held:
    return Held(least=0.0, most=math.inf)


def test_the_choices_lie_round_the_benchmarks_own() -> None:
    limits = [choice.limit_ns / 1e6 for choice in held.choices(slo.parse("p95<10ms, errors<1%"))]
    assert limits == [5, 10, 20, 40]
    assert str(held.choices(OWN)[0]) == HALF


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        (
            Estimate(100.0, 95.0, 105.0),
            Held(
                least=100.0, most=100.0, low=95.0, high=105.0, error=math.log(105 / 95) / (2 * 1.96)
            ),
        ),
        (Estimate(100.0, 100.0, 300.0), Held(least=100.0, most=300.0)),
        (Estimate(100.0, 100.0, None), Held(least=100.0, most=math.inf)),
        (Estimate(None, None, 100.0), Held(least=0.0, most=100.0)),
        (Estimate(None, None, None), Held(least=0.0, most=math.inf)),
    ],
)
def test_every_answer_of_a_search_is_a_bracket(estimate: Estimate, expected: Held) -> None:
    assert held.of_estimate(estimate) == expected
    assert expected.known is (estimate != Estimate(None, None, None))


def test_probes_are_judged_by_each_limit() -> None:
    # Of the fake's requests, those that are not late take 18 to 22 ms, the others 72 to 88.
    run = fakes.run(Fake("a", profiles=(), capacity_per_s=200.0))
    found = held.of_run(run, OWN)
    assert list(found) == [str(choice) for choice in held.choices(OWN)]
    assert found[str(OWN)].least == pytest.approx(200, rel=0.05)
    assert found[str(OWN)].low is not None
    assert found[HALF].least == pytest.approx(found[str(OWN)].least, rel=0.05)
    assert found[TWICE].least == pytest.approx(400, rel=0.02)
    assert found[TWICE].most == math.inf
    searched = capacity.of_run(run)
    assert searched is not None
    assert found[str(OWN)] == held.of_estimate(searched.estimate)


def test_a_limit_below_every_answer_is_held_nowhere() -> None:
    run = fakes.run(Fake("a", profiles=(), capacity_per_s=200.0))
    lowest = min(window.facts.profile.rate_per_s or 0 for window in run.probes)
    assert held.of_run(run, slo.parse("p99<20ms"))["p99<10ms, errors<0.1%"] == below(lowest)


def windows(shape: str, median_ms: float) -> Run:
    """A run of one window, in which every request takes about as long."""
    due = np.arange(1000) * 10.0
    done = due + median_ms * np.random.default_rng(1).uniform(0.9, 1.1, 1000)
    profile = Profile("steady", shape, 10.0, rate_per_s=100.0)
    return fakes.exact_run((profile, fakes.requests(list(due), list(due), list(done))))


def test_without_a_search_the_windows_bound_it() -> None:
    found = held.of_run(windows("poisson", 60.0), OWN)
    assert found[str(OWN)] == below(100.0)
    assert found[TWICE] == at_least(100.0)


def test_evenly_spaced_requests_say_nothing_of_random_ones() -> None:
    assert not any(found.known for found in held.of_run(windows("constant", 20.0), OWN).values())


def test_too_few_requests_say_nothing() -> None:
    few = fakes.exact_run(
        (
            Profile("steady", "poisson", 1.0, rate_per_s=20.0),
            fakes.requests([0, 50, 100], [0, 50, 100], [5, 55, 105]),
        )
    )
    assert not any(found.known for found in held.of_run(few, OWN).values())


def test_a_search_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the metric, the finding and the digest, at each SLO that a reader may choose."""
    counted: list[tuple[object, ...]] = []
    real = capacity.of_probes

    def of_probes(*args: object) -> capacity.Found:
        counted.append(args)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(capacity, "of_probes", of_probes)
    fake = Fake("a", capacity_per_s=200.0)
    made = digest.of_run(fakes.run(fake), fakes.campaign([fake]), None)
    assert made.found is not None
    assert made.values["capacity"] == made.found.estimate.rate_per_s
    assert len(counted) == len({wanted for _, wanted, *_ in counted}) == len(held.choices(OWN))
