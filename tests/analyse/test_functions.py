"""Functions: what starts, bursts and invocations come to, in sums that can be done by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.analyse.cost.prices import load
from harness.analyse.field import function_points, growth
from harness.analyse.run import cold_starts, findings, function_time
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Verdict
from harness.analyse.run.metrics import METRICS
from harness.setup.functions import QUEUE, THROTTLE
from harness.stored.functions import EXITED, OUT_OF_MEMORY, Burst, FunctionFacts, Lost
from harness.stored.lifecycle import Lifecycle
from harness.stored.records import Run, Setup, Window
from harness.stored.starts import FILES, IMAGE, PROCESS, Start, Starts, Temperature, ThrownAway
from harness.windows.invocations import Invocations
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile
from harness.windows.samples import MISSING, calls_of
from tests import fakes

MS = 1_000_000
STEADY = Profile("steady", "poisson", 10.0, rate_per_s=10.0)
BURST = Profile("burst", "poisson", 3.0, rate_per_s=40.0)
FUNCTION = FunctionFacts(
    event="http",
    memory_mib=512,
    timeout_s=30.0,
    concurrency=1,
    most_instances=None,
    beyond=QUEUE,
    idle_s=300.0,
)


def start(whole_s: float, temperature: Temperature = PROCESS) -> Start:
    return Start(
        temperature=temperature,
        create_s=0.1 * whole_s,
        runtime_s=0.2 * whole_s,
        import_s=0.3 * whole_s,
        load_s=0.3 * whole_s,
        answer_s=0.1 * whole_s,
        whole_s=whole_s,
        major_faults=0,
    )


def invoked(count: int, cold: int = 0, throttled: int = 0, **columns: Any) -> Invocations:
    """Requests each 100 ms: those that are cold first, then warm ones, then throttled ones."""
    arrived = np.arange(count) * 100 * MS + MS
    refused = np.arange(count) >= count - throttled
    known = {
        "arrived_ns": arrived,
        "dispatched_ns": np.where(refused, MISSING, arrived + MS),
        "handled_ns": np.where(refused, MISSING, arrived + 2 * MS),
        "returned_ns": np.where(refused, MISSING, arrived + 6 * MS),
        "answered_ns": np.where(refused, MISSING, arrived + 7 * MS),
        "sent_ns": arrived + 8 * MS,
        "instance": np.where(refused, MISSING, np.minimum(np.arange(count), max(cold - 1, 0)) + 1),
        "cold": (np.arange(count) < cold).astype(np.int64),
        "status": np.where(refused, 429, 200),
        "billed_ms": np.where(refused, 0, 6),
        "init_ns": np.zeros(count, np.int64),
        "peak_bytes": np.where(refused, 0, 200 << 20),
    }
    return Invocations(**{**known, **columns})


def window(profile: Profile, rows: Invocations) -> tuple[Profile, Any]:
    """Each is due when it is sent, a millisecond before it arrives, and done 2 ms after it left."""
    sent = (rows.arrived_ns - MS) / MS
    done = (rows.sent_ns + 2 * MS) / MS
    errors = ["status" if status != 200 else "" for status in rows.status.tolist()]
    return profile, fakes.requests([*sent], [*sent], [*done], errors)


def run(
    *given: tuple[Profile, Invocations], life: Lifecycle | None = None, model_ms: int = 3
) -> Run:
    made = fakes.exact_run(*(window(*each) for each in given))
    windows: list[Window] = []
    for found, (profile, rows) in zip(made.windows, given, strict=True):
        handled = rows.handled_ns[rows.handled_ns != MISSING]
        ones = np.ones(len(handled), np.int64)
        calls = calls_of(handled + MS // 2, ones * model_ms * MS, ones, ones)
        whole = replace(found, invocations=rows, calls=calls)
        windows.append(whole.of_kind(WindowKind.BURST) if profile is BURST else whole)
    server = replace(made.facts.server, function=FUNCTION)
    facts = replace(made.facts, server=server, lifecycle=life)
    return fakes.of_windows(replace(made, facts=facts), *windows)


def value(name: str, run: Run) -> float | None:
    return METRICS[name].formula(RunContext(run=run))


def said(run: Run, name: str) -> list[tuple[Verdict, str]]:
    found = findings.of_run(RunContext(run=run))
    return [(each.verdict, each.message) for each in found if each.name == name]


# --- cold starts ---------------------------------------------------------------------------------


def test_medians_of_cold_starts_and_of_the_parts_of_new_processes() -> None:
    samples = (start(1.0), start(2.0), start(4.0), start(9.0, FILES))
    made = run(life=Lifecycle(starts=Starts(samples=samples)))
    assert value("cold_process", made) == 2.0
    assert value("cold_files", made) == 9.0
    assert value("cold_image", made) is None
    assert value("cold_import", made) == pytest.approx(0.6)


def test_the_mean_parts_add_up_and_the_median_has_an_interval() -> None:
    samples = tuple(start(1.0 + 0.1 * number) for number in range(10))
    (found,) = cold_starts.of_run(run(life=Lifecycle(starts=Starts(samples=samples))).facts)
    assert (found.temperature, found.count) == (PROCESS, 10)
    assert sum(found.parts_s.values()) == pytest.approx(found.mean_s)
    assert found.low_s < found.median_s == 1.45 < found.high_s
    assert set(
        cold_starts.replicates(run(life=Lifecycle(starts=Starts(samples=samples))).facts)
    ) == {"cold_process"}


def test_a_server_has_none() -> None:
    made = fakes.run(fakes.Fake())
    assert cold_starts.of_run(made.facts) == ()
    assert {value(name, made) for name in ("cold_process", "burst_cold", "billed_per_1000")} == {
        None
    }


@pytest.mark.parametrize(("kept", "verdict"), [(10, Verdict.NOTE), (9, Verdict.WARNING)])
def test_starts_that_were_thrown_away(kept: int, verdict: Verdict) -> None:
    wrong = ThrownAway(temperature=PROCESS, count=2, reason="It was warm.")
    starts = Starts(samples=(start(1.0),) * kept, thrown_away=(wrong,))
    assert said(run(life=Lifecycle(starts=starts)), "starts-thrown-away") == [
        (
            verdict,
            f"2 of {kept + 2} starts at the temperature 'process' were thrown away: It was warm.",
        )
    ]


def test_temperatures_that_can_not_be_here() -> None:
    starts = Starts(impossible=((IMAGE, "There is no engine."),))
    assert said(run(life=Lifecycle(starts=starts)), "starts-impossible") == [
        (Verdict.NOTE, "no start at the temperature 'image': There is no engine.")
    ]


# --- a burst -------------------------------------------------------------------------------------


def test_a_burst() -> None:
    burst = Lifecycle(burst=Burst(most_instances=4, beyond=THROTTLE))
    made = run((BURST, invoked(100, cold=4, throttled=20)), life=burst)
    assert value("burst_cold", made) == 4.0
    assert value("burst_throttled", made) == 20.0
    assert value("burst_instances", made) == 4.0
    assert value("burst_p50", made) == pytest.approx(11.0)
    assert value("burst_p95", made) == pytest.approx(11.0)
    assert value("burst_p99", made) is None
    assert said(made, "burst-throttled") == [
        (
            Verdict.NOTE,
            "20 of 100 requests of the burst were throttled: 4 instances were the limit",
        )
    ]


# --- the bill ------------------------------------------------------------------------------------


def test_what_is_billed_is_of_the_answered_ones() -> None:
    made = run((STEADY, invoked(100, cold=1, throttled=50)))
    assert value("billed_per_1000", made) == pytest.approx(0.5 * 6)  # GB, and 6 s for 1000
    assert value("cold_share", made) == 1.0
    assert value("instance_peak", made) == 200.0


@pytest.mark.parametrize(
    ("fate", "name", "message"),
    [
        (
            OUT_OF_MEMORY,
            "instances-out-of-memory",
            "2 instances were killed beyond the memory size of 512 MiB, and replaced: So.",
        ),
        (EXITED, "instances-exited", "2 instances were replaced, since the program ended: So."),
    ],
)
def test_lost_instances(fate: Any, name: str, message: str) -> None:
    life = Lifecycle(lost=(Lost(fate=fate, count=2, said="So."),))
    assert said(run(life=life), name) == [(Verdict.WARNING, message)]


@pytest.mark.parametrize(("known", "differs"), [((1, 1, 77), False), ((1, 2, 2), True)])
def test_threads_that_take_requests_while_the_model_loads_do_not_share_predictions(
    known: tuple[int, ...], differs: bool
) -> None:
    made = run()
    server = replace(made.facts.server, asked=Setup(1, 1, 1))
    made = replace(made, facts=replace(made.facts, server=server, model_threads=known))
    assert bool(said(made, "setup-differs")) is differs


# --- where the time goes -------------------------------------------------------------------------


def test_the_parts_of_a_request_add_up_to_its_response_time() -> None:
    rows = invoked(10, cold=1)
    found = function_time.of_window(run((STEADY, rows)).windows[0])
    assert found is not None
    assert found.parts() == pytest.approx(
        {
            "generator_ms": 0.0,
            "way_ms": 3.0,
            "init_ms": 0.1,  # of one of ten
            "front_ms": 1.9,
            "runtime_ms": 2.0,
            "handler_ms": 1.0,
            "model_ms": 3.0,
        }
    )
    assert found.response_ms == pytest.approx(11.0)
    assert (found.cold, found.matched) == (0.1, 1.0)
    mean = function_time.mean([found, found])
    assert mean is not None
    assert mean.parts() == pytest.approx(found.parts())


def test_a_handler_without_stamps_is_a_part_of_the_runtime() -> None:
    made, never = run((STEADY, invoked(10))).windows[0], np.full(10, MISSING, np.int64)
    unstamped = replace(made.invocations, handled_ns=never, returned_ns=never)
    found = function_time.of_window(replace(made, invocations=unstamped))
    assert found is not None
    assert (found.runtime_ms, found.handler_ms, found.model_ms) == pytest.approx((3.0, 0.0, 3.0))
    assert found.response_ms == pytest.approx(11.0)


def test_what_left_no_stamps_is_not_split() -> None:
    rows = invoked(10)
    unstamped = replace(rows, answered_ns=rows.answered_ns * 0 + MISSING)
    assert function_time.of_window(run((STEADY, unstamped)).windows[0]) is None
    assert function_time.of_window(fakes.run(fakes.Fake()).windows[0]) is None
    assert function_time.mean([]) is None


# --- sweeps --------------------------------------------------------------------------------------


def test_a_memory_size_is_billed() -> None:
    closed = Profile("saturated", "closed", 10.0, concurrency=1)
    point = growth.point(RunContext(run=run((closed, invoked(100)))), "memory", 512, 1)
    assert point.numbers["duration_ms"] == pytest.approx(6.0)
    assert point.numbers["billed_gb_s"] == pytest.approx(3.0)
    assert point.invalid == ""


def test_the_cheapest_and_the_fastest_size_are_named() -> None:
    points = [
        point(512, 9.0, 9.0),
        point(1024, 4.0, 8.0),
        point(2048, 3.5, 14.0),
        point(128, None, None, "Out of memory: 128 MB."),
    ]
    platform = function_points.platform_of(load())
    assert platform is not None
    usd = 8000 * platform.usd_per_gib_second + platform.usd_per_million_requests
    assert function_points.chosen(points, platform) == (
        f"cheapest: 1024 MiB, {usd:.2f} US$ per million requests ({platform.provider} "
        f"{platform.service}, {platform.region}); "
        "fastest: 2048 MiB, 3.50 ms"
    )
    assert growth.note(points, "memory") == "128 MiB: Out of memory: 128 MB"
    assert function_points.chosen([], None) == ""


def point(
    value: int, duration_ms: float | None, billed: float | None, invalid: str = ""
) -> growth.PointCost:
    numbers = {"duration_ms": duration_ms, "billed_gb_s": billed}
    return growth.PointCost(value=value, numbers=numbers, taken=None, invalid=invalid)


def test_the_share_that_is_cold_at_a_gap() -> None:
    even = Profile("steady", "constant", 10.0, rate_per_s=10.0)
    made = run((even, invoked(100, cold=25)))
    found = growth.point(RunContext(run=made), "gap", 100, 1)
    assert found.numbers["cold_percent"] == 25.0
    assert found.numbers["p50_ms"] == pytest.approx(11.0)
    assert growth.by_cost([found], "gap") == dict.fromkeys(found.numbers)
