from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.run import endpoint, metrics
from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import METRICS
from harness.stored.container import ContainerFacts
from harness.stored.lifecycle import WarmUp
from harness.stored.records import Run, Startup, Window
from harness.windows.profiles import Profile
from harness.windows.samples import calls_of, usage
from tests import fakes

MIB = 1 << 20
STEADY = Profile("steady", "poisson", 10.0, rate_per_s=50.0)
SATURATED = Profile("saturated", "closed", 4.0, concurrency=2)


def value(name: str, run: Run, floor: Run | None = None) -> float | None:
    return METRICS[name].formula(RunContext(run=run, floor=floor))


def steady_run(response_ms: list[float], lag_ms: float = 0.0) -> Run:
    """A run whose request i is due at 10 i ms, sent `lag_ms` later, and answered after that."""
    due = [10.0 * i for i in range(len(response_ms))]
    sent = [at + lag_ms for at in due]
    done = [at + taken for at, taken in zip(due, response_ms, strict=True)]
    return fakes.exact_run((STEADY, fakes.requests(due, sent, done)))


def with_window(run: Run, **columns: object) -> Run:
    """The run with other columns in its first window."""
    first = replace(run.windows[0], **columns)  # type: ignore[arg-type]
    return replace(run, windows=(first, *run.windows[1:]))


def test_the_unit_of_a_rate_stands_before_what_it_is_of() -> None:
    assert METRICS["cpu_per_1000"].heading == ("CPU", "s per 1000")
    assert METRICS["gpu_per_1000"].heading == ("GPU", "s per 1000")
    assert METRICS["latency_p50"].heading == ("p50", "ms")


def test_latency_counts_from_due_not_from_sent() -> None:
    run = steady_run([float(i) for i in range(1, 402)], lag_ms=0.9)
    assert value("latency_p50", run) == pytest.approx(201.0)
    assert value("latency_p95", run) == pytest.approx(381.0)
    assert value("latency_p99", run) == pytest.approx(397.0)


def test_no_p99_of_399_answers() -> None:
    run = steady_run([5.0] * 399)
    assert value("latency_p99", run) is None
    assert value("latency_p95", run) == pytest.approx(5.0)


def failing(every: int, error: str = "timeout", count: int = 1000) -> Run:
    """A run of which each so-manyth request fails after a time-out of a second."""
    due = [10.0 * i for i in range(count)]
    failed = [i % every == 0 for i in range(count)]
    done = [at + (999.0 if bad else 2.0) for at, bad in zip(due, failed, strict=True)]
    run = fakes.exact_run(
        (STEADY, fakes.requests(due, due, done, [error if bad else "" for bad in failed]))
    )
    return with_window(run, facts=replace(run.windows[0].facts, timeout_s=1.0))


@pytest.mark.parametrize(
    ("every", "known"),
    [
        (3, {"latency_p50"}),
        (50, {"latency_p50", "latency_p95"}),
        (200, {"latency_p50", "latency_p95", "latency_p99"}),
    ],
)
def test_a_percentile_that_falls_among_failed_requests_is_no_number(
    every: int, known: set[str]
) -> None:
    run = failing(every)
    for name in metrics.SHARES:
        assert value(name, run) == (pytest.approx(2.0) if name in known else None)
    beyond = dict.fromkeys(metrics.SHARES.keys() - known, "over 1000 ms (time-out)")
    assert metrics.beyond_of(run) == beyond
    assert value("error_rate", run) == pytest.approx(100 * -(-1000 // every) / 1000)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (failing(2000), ""),
        (failing(500), "over 1000 ms (time-out)"),
        (failing(500, "status"), "unknown: 0.2% failed"),
    ],
    ids=["none", "timeout", "status"],
)
def test_the_longest_of_all_is_none_of_the_answered(run: Run, said: str) -> None:
    window = run.windows[0]
    if not said:
        window = replace(window, requests=fakes.requests([0.0], [0.0], [2.0]))
    found = endpoint.summary(window)
    assert found["response_ms"]["max"] == (None if said else pytest.approx(2.0))
    assert found["beyond"].get("max", "") == said
    text = "\n".join(endpoint.lines(found))
    assert ("mean of answered 2.000" in text) == bool(said)
    assert f"max {said}" in text if said else "max 2.000" in text


def test_of_requests_that_failed_at_once_no_time_is_known() -> None:
    assert metrics.beyond_of(failing(20, "status"))["latency_p99"] == "unknown: 5.0% failed"


def test_error_rate_is_over_all_windows() -> None:
    first = fakes.requests([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [5.0, 6.0, 7.0])
    second = fakes.requests(None, [0.0], [9.0], ["status"])
    run = fakes.exact_run((STEADY, first), (SATURATED, second))
    assert value("error_rate", run) == pytest.approx(25.0)


def test_throughput_is_answers_over_elapsed() -> None:
    error = ["", "", "timeout", "", ""]
    sent = [0.0, 1.0, 2.0, 3.0, 4.0]
    run = fakes.exact_run((SATURATED, fakes.requests(None, sent, [9.0] * 5, error)))
    assert value("throughput", run) == pytest.approx(4 / 4.0)
    assert value("latency_p50", run) is None


def test_a_container_has_the_peak_that_the_kernel_counted() -> None:
    run = steady_run([5.0] * 50)
    assert value("container_peak", run) is None
    peak = ContainerFacts(
        engine="20.10",
        reached="container",
        memory_limit_bytes=1 << 32,
        pids_limit=1024,
        memory_peak_bytes=300 * MIB,
        throttled_s=0.0,
        out_of_memory=0,
    )
    inside = replace(run, facts=replace(run.facts, container=peak))
    assert value("container_peak", inside) == pytest.approx(300.0)
    untold = replace(peak, memory_peak_bytes=None)
    older = replace(run, facts=replace(run.facts, container=untold))
    assert value("container_peak", older) is None


def test_a_gpu_is_the_mean_of_what_was_seen_when_saturated() -> None:
    requests = fakes.requests(None, [0.0, 1.0], [5.0, 6.0], ["", ""])
    run = fakes.exact_run((SATURATED, requests))
    assert value("gpu_busy", run) is None
    seen = usage(
        np.array([0, 1, 2]),
        gpu_percent=np.array([20, -1, 40]),
        gpu_bytes=np.array([MIB, 3 * MIB, 2 * MIB]),
        gpu_milliwatts=np.array([-1, 70_000, 80_000]),
    )
    run = replace(run, windows=(replace(run.windows[0], usage=seen),))
    values = [value(name, run) for name in ("gpu_busy", "gpu_memory", "gpu_power")]
    assert values == [pytest.approx(30.0), pytest.approx(2.0), pytest.approx(75.0)]


def test_memory_is_the_most_seen_and_cpu_is_per_thousand_answers() -> None:
    used = usage(
        np.array([0, 1, 2]),
        cpu_ns=np.array([1_000_000_000, 1_200_000_000, 1_500_000_000]),
        pss_bytes=np.array([100 * MIB, -1, 150 * MIB]),
    )
    run = with_window(steady_run([5.0] * 50), usage=used)
    assert value("memory", run) == pytest.approx(150.0)
    assert value("cpu_per_1000", run) == pytest.approx(0.5 / 50 * 1000)


def test_gpu_seconds_and_joules_are_of_the_steady_window_per_answer() -> None:
    seen = usage(
        np.array([0, 1, 2]),
        gpu_percent=np.array([20, -1, 40]),
        gpu_milliwatts=np.array([-1, 70_000, 80_000]),
    )
    run = with_window(steady_run([5.0] * 50), usage=seen)
    # 10 seconds at 30 % and 75 W, 50 answers.
    assert value("gpu_per_1000", run) == pytest.approx(1000 * 3.0 / 50)
    assert value("gpu_energy", run) == pytest.approx(750.0 / 50)
    assert value("cpu_energy", run) is None


def test_joules_of_the_cpu_are_those_of_the_window_s_length() -> None:
    run = steady_run([5.0] * 50)
    # Read over 12 seconds at 20 W; the window was 10 seconds of them.
    facts = replace(run.windows[0].facts, cpu_energy_j=240.0, cpu_energy_s=12.0)
    run = with_window(run, facts=facts)
    assert value("cpu_energy", run) == pytest.approx(200.0 / 50)
    never = with_window(run, facts=replace(facts, cpu_energy_s=0.0))
    assert value("cpu_energy", never) is None


def test_nothing_is_used_per_answer_where_there_is_none() -> None:
    requests = fakes.requests([0.0], [0.0], [5.0], ["timeout"])
    run = fakes.exact_run((STEADY, requests))
    facts = replace(run.windows[0].facts, cpu_energy_j=240.0, cpu_energy_s=12.0)
    ones = np.array([1, 1])
    seen = usage(np.array([0, 1]), gpu_percent=ones, gpu_milliwatts=ones)
    run = with_window(run, facts=facts, usage=seen)
    for name in ("gpu_per_1000", "gpu_energy", "cpu_energy"):
        assert value(name, run) is None


def test_model_time_and_batch() -> None:
    start, batch = np.array([0, 1, 2]), np.array([1, 2, 6])
    calls = calls_of(start, np.array([1, 3, 9]) * 1_000_000, batch, np.zeros_like(start))
    run = with_window(steady_run([5.0] * 9), calls=calls)
    assert value("model_time", run) == pytest.approx(3.0)
    closed = fakes.exact_run((SATURATED, fakes.requests(None, [0.0], [1.0])))
    assert value("batch_size", with_window(closed, calls=calls)) == pytest.approx(3.0)


def test_startup() -> None:
    run = steady_run([5.0])
    run = replace(run, facts=replace(run.facts, startup=Startup(1.5, 2.25)))
    assert value("ready", run) == 1.5
    assert value("first_answer", run) == 2.25


def test_overhead_is_the_median_of_paired_differences() -> None:
    floor = steady_run([1.0, 10.0, 2.0])
    here = steady_run([2.0, 10.5, 6.0])  # differences 1, 0.5 and 4; of the medians it is 4
    assert value("overhead", here, floor) == pytest.approx(1.0)


def test_overhead_leaves_out_what_failed_in_either() -> None:
    due = [0.0, 10.0, 20.0]
    done = [5.0, 15.0, 90.0]
    floor = steady_run([1.0, 1.0, 1.0])
    here = fakes.exact_run((STEADY, fakes.requests(due, due, done, ["", "", "timeout"])))
    assert value("overhead", here, floor) == pytest.approx(4.0)


def test_no_overhead_of_other_requests() -> None:
    assert value("overhead", steady_run([1.0, 2.0]), steady_run([1.0])) is None


@pytest.mark.parametrize("name", METRICS)
def test_a_run_without_windows_has_no_number(name: str) -> None:
    run = fakes.exact_run()
    run = replace(run, facts=replace(run.facts, startup=None))
    assert value(name, run) is None


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_says_what_it_is(name: str) -> None:
    metric = METRICS[name]
    assert metric.definition.endswith(".")
    assert metric.unit
    assert metric.title


def test_window_is_what_the_helpers_say() -> None:
    run = fakes.run(fakes.Fake())
    first, second = metrics.steady(run), metrics.saturated(run)
    assert isinstance(first, Window)
    assert isinstance(second, Window)
    assert (first.facts.profile.name, second.facts.profile.name) == ("steady", "saturated")


@pytest.mark.parametrize(
    ("warm_up", "expected"),
    [(WarmUp(2.0, 0.75, (9.0,)), 2.25), (WarmUp(5.0, None, (9.0,)), None), (None, None)],
)
def test_steady_after(warm_up: WarmUp | None, expected: float | None) -> None:
    made = fakes.run(fakes.Fake())
    facts = replace(made.facts, startup=Startup(1.0, 1.5), warm_up=warm_up)
    assert value("steady_after", replace(made, facts=facts)) == expected
