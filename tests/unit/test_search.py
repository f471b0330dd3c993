"""The search on simulated queues whose capacity is known, and its bounds on counts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, repeat
from typing import Any

import numpy as np
import pytest

from harness.measure.cell import capacity_search
from harness.protocols import Message
from harness.search import search, tallying
from harness.search.tallying import Tally
from harness.setup.slo import Slo, parse
from harness.stored.records import Window, WindowFacts
from harness.windows.causes import Cause
from harness.windows.profiles import Profile
from harness.windows.samples import ERRORS, Calls, Requests, Usage, empty
from tests import queues

SLO = parse("p99<20ms")
CEILING = 50_000.0


def searched(
    make: Callable[[Profile], Window],
    slo: Slo = SLO,
    budget_s: float = 150.0,
    start: float = 400.0,
    ceiling: float = CEILING,
) -> list[Window]:
    """The probes of a search whose time is simulated."""
    found: list[Window] = []
    tallies: list[Tally] = []
    used_s = 0.0
    while True:
        next_look = search.look(tallies, slo, start, ceiling, budget_s - used_s)
        if next_look is None:
            return found
        name = f"probe-{len(found) + 1}"
        found.append(
            make(Profile(name, "poisson", next_look.duration_s, rate_per_s=next_look.rate_per_s))
        )
        tallies += tallying.counted(found[-1:], slo)
        used_s += next_look.duration_s


def of_law(law: queues.Law, seed: int) -> Callable[[Profile], Window]:
    rng = np.random.default_rng(seed)
    return lambda profile: queues.probe(law, profile, rng)


@pytest.mark.parametrize(
    ("name", "slo"), [("M/M/1", "p99<20ms"), ("M/D/1", "p99<10ms"), ("batching", "p99<15ms")]
)
def test_the_capacity_of_a_queue_of_known_law_is_found_within_five_percent(
    name: str, slo: str
) -> None:
    wanted = parse(slo)
    truth = queues.true_capacity(queues.LAWS[name], wanted.share, wanted.limit_ns / 1e9)
    ratios, covered = [], 0
    for seed in range(3):
        start = truth * (0.3 + 0.5 * seed)
        found = searched(of_law(queues.LAWS[name], seed), wanted, start=start)
        estimate = search.estimate(tallying.counted(found, wanted), wanted)
        assert estimate.rate_per_s is not None
        assert estimate.low is not None
        assert estimate.high is not None
        ratios.append(estimate.rate_per_s / truth)
        covered += estimate.low <= truth <= estimate.high
    assert max(abs(ratio - 1) for ratio in ratios) < 0.05
    assert covered >= 2


def test_far_from_the_limit_probes_take_a_second_or_two() -> None:
    found = searched(of_law(queues.mm1, 1), start=3000.0)
    assert found[0].facts.profile.duration_s < 2
    assert found[1].facts.profile.rate_per_s == 1500.0


def test_where_time_is_short_other_rates_tell_more_than_the_same_again() -> None:
    """A server that takes 12 ms, 8 seconds: not one rate could be decided in that time."""
    wanted, unknown, low = parse("p99<50ms"), 0, []

    def law(arrivals: Any, _: np.random.Generator) -> Any:
        return queues.one_by_one(arrivals, np.full(len(arrivals), 0.012))

    truth = queues.true_capacity(law, wanted.share, wanted.limit_ns / 1e9, least_per_s=5.0)
    for seed in range(20):
        found = searched(of_law(law, seed), wanted, budget_s=8.0, start=58.0)
        rate = search.estimate(tallying.counted(found, wanted), wanted).rate_per_s
        unknown += rate is None
        low += [] if rate is None else [rate / truth]
    assert unknown <= 2
    assert np.median(low) == pytest.approx(1.0, abs=0.25)


def test_a_server_that_meets_it_at_no_rate() -> None:
    def slow(profile: Profile) -> Window:
        window = queues.probe(queues.md1, profile, np.random.default_rng(1))
        done = window.requests.due_ns + 2 * SLO.limit_ns
        return replace(window, requests=replace(window.requests, done_ns=done))

    found = searched(slow, budget_s=60)
    estimate = search.estimate(tallying.counted(found, SLO), SLO)
    assert (estimate.rate_per_s, estimate.low) == (None, None)
    assert estimate.high is not None
    assert estimate.high < 20


def test_nothing_beyond_the_generators_ceiling_is_tried() -> None:
    found = searched(of_law(queues.md1, 1), parse("p99<50ms"), start=300.0, ceiling=500.0)
    rates = [window.facts.profile.rate_per_s or 0.0 for window in found]
    assert max(rates) == 500.0
    wanted = parse("p99<50ms")
    estimate = search.estimate(tallying.counted(found, wanted), wanted)
    assert (estimate.rate_per_s, estimate.high) == (500.0, None)


def test_errors_break_it_however_fast_the_answers_are() -> None:
    def failing(profile: Profile) -> Window:
        window = queues.probe(queues.md1, profile, np.random.default_rng(2))
        error = window.requests.error.copy()
        if (profile.rate_per_s or 0) > 300:  # half a percent: p99 alone would allow it
            error[::200] = ERRORS.index("status")
        return replace(window, requests=replace(window.requests, error=error))

    found = searched(failing, start=100.0, budget_s=200)
    estimate = search.estimate(tallying.counted(found, SLO), SLO)
    assert estimate.rate_per_s is not None
    assert 200 < estimate.rate_per_s < 450


def test_a_disturbed_probe_is_made_again_unless_it_held() -> None:
    window = queues.probe(
        queues.md1, Profile("p", "poisson", 2.0, rate_per_s=2000.0), np.random.default_rng(1)
    )
    stolen = replace(window, facts=replace(window.facts, steal_share=0.3))
    assert len(tallying.counted([window], SLO)) == 1
    assert tallying.counted([stolen], SLO) == []
    lagged = replace(
        window, requests=replace(window.requests, sent_ns=window.requests.due_ns + SLO.limit_ns)
    )
    assert tallying.counted([lagged], SLO) == []
    rows = np.arange(len(window.requests)) % 2 * ERRORS.index("lost")
    lost = replace(window, requests=replace(window.requests, error=rows))
    assert tallying.counted([lost], SLO) == []
    calm = queues.probe(
        queues.md1, Profile("p", "poisson", 2.0, rate_per_s=200.0), np.random.default_rng(1)
    )
    assert len(tallying.counted([replace(calm, facts=stolen.facts)], SLO)) == 1


@pytest.mark.parametrize(
    ("requests", "over", "expected"),
    [
        (458, 0, "undecided"),
        (459, 0, "holds"),
        (661, 1, "undecided"),
        (662, 1, "holds"),
        (100, 4, "undecided"),
        (100, 8, "broken"),
        (0, 0, "undecided"),
    ],
)
def test_the_bound_is_that_of_mlperf(requests: int, over: int, expected: str) -> None:
    assert (
        search.ruling(
            [Tally(rate_per_s=100.0, requests=requests, over=over, failed=0, effect=1.0)], SLO
        )
        == expected
    )


def test_requests_that_repeat_each_other_count_for_less() -> None:
    assert (
        search.ruling([Tally(rate_per_s=100.0, requests=459, over=0, failed=0, effect=2.0)], SLO)
        == "undecided"
    )
    assert (
        search.ruling([Tally(rate_per_s=100.0, requests=918, over=0, failed=0, effect=2.0)], SLO)
        == "holds"
    )
    assert search.needed(SLO) == 459
    assert search.needed(parse("p90<20ms")) == 44


def test_neighbours_near_capacity_repeat_each_other() -> None:
    effects = []
    for rate in (200.0, 900.0):
        window = of_law(queues.mm1, 3)(Profile("p", "poisson", 10.0, rate_per_s=rate))
        effects.append(tallying.tally(window.requests, rate, SLO).effect)
    assert effects[0] < 4
    assert effects[1] > 10


def test_without_probes_nothing_is_known() -> None:
    estimate = search.estimate([], SLO)
    assert (estimate.rate_per_s, estimate.low, estimate.high) == (None, None, None)
    undecided = [Tally(rate_per_s=100.0, requests=50, over=0, failed=0, effect=1.0)]
    assert search.estimate(undecided, SLO).rate_per_s is None


# --- between two probes --------------------------------------------------------------------------


class Clock:
    """Time that passes as requests take it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, taken_s: Iterator[float]) -> None:
        self.now, self.asked, self._taken_s = 0.0, 0, taken_s
        monkeypatch.setattr("harness.measure.cell.capacity_search.time.monotonic", lambda: self.now)

    def ask(self, _: Message, __: float) -> None:
        self.asked += 1
        self.now += next(self._taken_s)


@pytest.mark.parametrize(
    ("taken_s", "asked"),
    [
        ([0.5, 0.3, 0.01], 3),  # what was queued is gone
        ([0.08, 0.081, 0.08, 0.079], 4),  # alone it takes longer than the limit: there is no queue
        ([0.9, 0.6, 0.4, 0.3, 0.2, 0.1, 0.04], 7),
    ],
)
def test_a_server_is_idle_when_a_lone_request_waits_for_nothing(
    monkeypatch: pytest.MonkeyPatch, taken_s: list[float], asked: int
) -> None:
    clock = Clock(monkeypatch, chain(taken_s, repeat(9.0)))
    capacity_search.wait_until_idle(clock.ask, Message(b""), parse("p99<50ms"))  # type: ignore[arg-type]
    assert clock.asked == asked


# --- a search that ends early --------------------------------------------------------------------


class Server:
    """Answers each request of a window after so long, or not at all."""

    def __init__(self, taken_s: float, error: str = "") -> None:
        self.taken_s, self.error = taken_s, error
        self.loads = 0

    def load(self, profile: Profile) -> Window:
        self.loads += 1
        count = max(int(profile.duration_s * (profile.rate_per_s or 80.0)), 60)
        due = np.linspace(0, profile.duration_s * 1e9, count, endpoint=False).astype(np.int64)
        done, zeros = due + int(self.taken_s * 1e9), np.zeros(count, np.int64)
        error = zeros + ERRORS.index(self.error)
        requests = Requests(
            payload=zeros,
            due_ns=due,
            sent_ns=due,
            first_byte_ns=done,
            done_ns=done,
            status=zeros,
            error=error,
            queued=zeros,
            resent=zeros,
        )
        causes = (Cause(error=self.error, kind="refused", count=count),) if self.error else ()
        facts = WindowFacts(
            profile=profile,
            elapsed_s=profile.duration_s,
            generator_cpu_s=0.1,
            generator_cpus=1,
            steal_share=0.0,
            checked=0,
            wrong=0,
            causes=causes,
        )
        return Window(facts=facts, requests=requests, usage=empty(Usage), calls=empty(Calls))

    def recover(self) -> float | None:
        return self.taken_s if self.taken_s > 0.05 else None


def _order(budget_s: float = 60.0) -> capacity_search.SearchOrder:
    return capacity_search.SearchOrder(
        slo=parse("p99<50ms"), budget_s=budget_s, longest_s=budget_s, ceiling_per_s=None
    )


def test_where_nothing_is_answered_there_is_no_search() -> None:
    server = Server(0.01, "connect")
    found, windows = capacity_search.find(_order(), None, server.load, server.recover)
    assert windows == ()
    assert found.ended.startswith("nothing was answered: ")
    assert "connect (refused)" in found.ended
    assert server.loads == 1


def test_a_search_without_time_for_a_probe_says_how_long_it_takes() -> None:
    found, windows = capacity_search.find(_order(9.0), 10.0, Server(0.01).load, lambda: None)
    assert windows == ()
    said = r"a probe of 50 requests at 5\.0/s takes 10 s, for which a search needs 1[12] s or more"
    assert re.fullmatch(said, found.ended)


def test_a_server_that_is_too_slow_for_one_request_is_told_at_once() -> None:
    server = Server(0.1)
    found, windows = capacity_search.find(_order(), None, server.load, server.recover)
    assert len(windows) == 2
    assert found.ended == "a request alone takes 100 ms"
    lowest = windows[-1].facts.profile.rate_per_s
    assert search.estimate(tallying.counted(windows, SLO), SLO).high == lowest


def test_a_server_that_batches_may_be_slow_for_one_request_alone() -> None:
    server = Server(0.01)
    found, windows = capacity_search.find(_order(5.0), 40.0, server.load, lambda: 0.1)
    assert len(windows) > 2
    assert found.ended == ""


def test_a_server_that_went_silent_ends_the_search() -> None:
    server = Server(0.01)

    def load(profile: Profile) -> Window:
        if server.loads > 3:
            server.error = "disconnected"
        return server.load(profile)

    found, _ = capacity_search.find(_order(5.0), 40.0, load, server.recover)
    assert found.ended.startswith("the last 2 probes had no answer at all")


def test_the_first_slow_second_of_a_server_is_not_its_throughput() -> None:
    rates = iter((100.0, 700.0, 800.0))

    def load(profile: Profile) -> Window:
        rate = next(rates)
        return Server(0.01).load(replace(profile, rate_per_s=rate))

    assert capacity_search._warmed(load, 60.0).facts.profile.rate_per_s == 800.0


def _clocked(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[Profile], Window]:
    """Windows that take their time on a clock of the test's own."""
    clock = Clock(monkeypatch, repeat(0.0))

    def load(profile: Profile) -> Window:
        clock.now += profile.duration_s
        return server.load(profile)

    return load


@pytest.mark.parametrize(("factor", "lasts_s"), [(1.05, 4.0), (1.3, 12.0)])
def test_a_search_goes_on_where_its_capacity_is_not_well_known(
    monkeypatch: pytest.MonkeyPatch, factor: float, lasts_s: float
) -> None:
    load = _clocked(Server(0.01), monkeypatch)
    order = replace(_order(4.0), longest_s=12.0)
    known = search.Estimate(90.0, 90.0 / factor, 90.0 * factor)
    _, windows = capacity_search.find(order, 100.0, load, lambda: None, lambda _: known)
    fired_s = sum(window.facts.profile.duration_s for window in windows)
    assert lasts_s - 0.6 < fired_s <= lasts_s + 1e-6


def test_without_a_law_a_search_that_is_only_bracketed_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = _clocked(Server(0.01), monkeypatch)
    order = replace(_order(4.0), longest_s=9.0)
    _, windows = capacity_search.find(order, 100.0, load, lambda: None)
    assert sum(window.facts.profile.duration_s for window in windows) > 8.0


def test_a_rate_beside_one_that_decided_nothing_is_less_far_away() -> None:
    few = Tally(rate_per_s=100.0, requests=40, over=2, failed=0, effect=1.0)
    broken = replace(few, over=40)
    beside, beyond = (search.look([found], SLO, 50.0, 1e4, 4.0) for found in (few, broken))
    assert beside is not None
    assert beyond is not None
    assert beside.rate_per_s == pytest.approx(100 / math.sqrt(2))
    assert beyond.rate_per_s == pytest.approx(50)


def test_a_probe_lasts_for_several_times_the_limit() -> None:
    slow = parse("p95<300ms")
    probe = search.look([], slow, 100.0, 1e4, 8.0)
    assert probe is not None
    assert probe.duration_s >= 1.5
    assert search.look([], slow, 100.0, 1e4, 1.4) is None


def test_of_few_probes_one_late_request_is_no_disturbance() -> None:
    assert not tallying.more_than(1, 50, 0.01)
    assert tallying.more_than(5, 50, 0.01)
    assert tallying.more_than(5, 400, 0.01)
    assert not tallying.more_than(4, 400, 0.01)
    assert not tallying.more_than(0, 0, 0.01)
