"""Results that nobody measured, with every kind of value that a file must carry.

`data/schema-<n>/` holds them as the store of each schema wrote them. When the schema changes, write
what the old one knew as a function like `as_schema_1`; then write the new files and commit them:

    python -m tests.unit.stored
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.setup.answering import APPROXIMATE
from harness.setup.endpoints import Endpoint
from harness.setup.functions import THROTTLE
from harness.stored import store
from harness.stored.accuracy import Accuracy
from harness.stored.clocks import SAME_CLOCK, ServerClock
from harness.stored.container import ContainerFacts, ImageFacts
from harness.stored.functions import OUT_OF_MEMORY, Burst, FunctionFacts, Lost
from harness.stored.hosts import HostCheck, HostProof, HostWatch, WorkerFacts
from harness.stored.lifecycle import BatchJob, Lifecycle, Replacement, WarmUp
from harness.stored.pods import (
    ClusterChange,
    Happening,
    LoadPhase,
    PodFacts,
    PodMoment,
    PodShare,
    PodStart,
    TrainedVersion,
)
from harness.stored.records import (
    BenchmarkFacts,
    Campaign,
    Failure,
    Run,
    RunFacts,
    Search,
    ServerFacts,
    Setup,
    Startup,
    Stop,
    Window,
    WindowFacts,
)
from harness.stored.starts import FILES, Start, Starts, ThrownAway
from harness.windows.causes import Cause
from harness.windows.invocations import Invocations
from harness.windows.kinds import WindowKind
from harness.windows.marks import Marks
from harness.windows.own_figures import OwnFigures, OwnLatency, Scrapes
from harness.windows.profiles import Profile
from harness.windows.samples import (
    ERRORS,
    MISSING,
    Calls,
    Chunks,
    Ints,
    Requests,
    Usage,
    calls_of,
    empty,
    usage,
)
from harness.windows.wire import Wire
from tests import fakes
from tests.cells import cell_of

DATA = Path(__file__).parent / "data"
STEADY = Profile("steady", "poisson", 1.5, rate_per_s=12.25)
RAMP = Profile("ramp", "ramp", 1.5, rate_per_s=1.0, rate_to_per_s=9.0)
CLOSED = Profile("saturated", "closed", 2.0, concurrency=8)
SERVER = ServerFacts(
    server="some",
    framework="Some",
    version="1.2.3",
    homepage="https://example.org",
    licence="MIT",
    track="matched",
    protocol="json",
    backend="onnx",
    device="cpu",
    launcher="process",
    reference=False,
    description="Answers, naïvely.",
    maintained=False,
    note="Nobody maintains it.",
    asked=Setup(2, 1, 16),
)
IMAGE = ImageFacts(
    tag="some:1",
    id="sha256:12",
    size_bytes=2**30,
    base="base:1",
    build_s=12.5,
    steps=14,
    steps_reused=9,
)
CONTAINER = ContainerFacts(
    engine="20.10",
    reached="container",
    memory_limit_bytes=2**32,
    pids_limit=1024,
    memory_peak_bytes=2**31,
    throttled_s=0.25,
    out_of_memory=1,
)
POD = PodFacts(
    cluster="v1.20.2",
    node="node-1",
    namespace="serving-harness-1",
    qos="Guaranteed",
    replicas=2,
    cpus=0.25,
    own_cpus=True,
    usage_from="kubelet",
    start=PodStart(scheduled_s=0.0625, image_s=0.125, started_s=0.5, ready_s=None),
    restarts=1,
    address="10.96.3.7:8080",
    clock_off_s=-3.5,
)


OWN = OwnFigures(
    requests=3.0,
    queue_s=0.25,
    model_s=None,
    latency=OwnLatency(
        spans="request", count=3.0, sum_s=0.5, bounds_s=(0.005, 10.0), counts=(1.0, 2.0, 0.0)
    ),
    lag_s=10.0,
)
SCRAPES = Scrapes(every_s=0.5, answered=3, failed=1, longest_s=0.125, bytes=4096)


def ints(*values: int) -> Ints:
    return np.array(values, np.int64)


def window(
    profile: Profile,
    requests: Requests | None = None,
    used: Usage | None = None,
    calls: Calls | None = None,
    steal_share: float | None = None,
) -> Window:
    """A window; what is not given is empty."""
    return Window(
        facts=WindowFacts(
            profile=profile,
            elapsed_s=1.625,
            generator_cpu_s=0.5,
            generator_cpus=2,
            steal_share=steal_share,
            checked=3,
            wrong=1,
        ),
        requests=empty(Requests) if requests is None else requests,
        usage=empty(Usage) if used is None else used,
        calls=empty(Calls) if calls is None else calls,
    )


def run(*windows: Window, failure: Failure | None = None, log: str = "", round: int = 1) -> Run:
    """A run with those windows."""
    return Run(
        RunFacts(
            campaign="some-campaign",
            cell=cell_of("some", "iris", round),
            server=SERVER,
            started_at="2026-01-02T03:04:05+00:00",
            phases_s={"provision": 0.125, "launch": 0.25},
            startup=None if failure else Startup(1.5, 1.75),
            verified=0 if failure else 150,
            windows=tuple(w.facts for w in windows),
            stop=None if failure else Stop(seconds=0.375, exit_code=-15, orphans=2, killed=1),
            failure=failure,
            model_threads=() if failure else (1, 2),
            image=IMAGE,
            container=None if failure else CONTAINER,
        ),
        windows,
        log,
    )


def lost_run() -> Run:
    """Two workers fired it, of which one was lost, and nobody knows what became of its request."""
    requests = Requests(
        payload=ints(1, 2),
        due_ns=ints(10, 20),
        sent_ns=ints(11, MISSING),
        first_byte_ns=ints(12, MISSING),
        done_ns=ints(13, MISSING),
        status=ints(200, 0),
        error=ints(0, ERRORS.index("lost")),
        queued=ints(0, 0),
        resent=ints(0, 0),
    )
    made = window(STEADY, requests)
    workers = (
        WorkerFacts(name="here/1", requests=1, offset_ns=-2_000, uncertainty_ns=500, drift_ns=30),
        WorkerFacts(
            name="there/7",
            requests=1,
            offset_ns=2**50,
            uncertainty_ns=70_000,
            drift_ns=None,
            lost="its heartbeats stopped",
        ),
    )
    users = Profile("people", "users", 2.0, concurrency=8, think_s=0.5)
    return run(replace(made, facts=replace(made.facts, workers=workers)), window(users))


def full_run() -> Run:
    """One request of each kind of end that schema 1 had, a window without requests, one of a
    closed loop."""
    kinds = ERRORS.index("lost")
    none = MISSING
    requests = Requests(
        payload=np.arange(kinds),
        due_ns=ints(0, 10, 20, 30, 40, 50, 60, 5_000_000_000),
        sent_ns=ints(1, 11, 21, 31, 41, 51, 61, none),
        first_byte_ns=ints(101, none, none, none, 141, 151, 161, none),
        done_ns=ints(201, 211, 221, 10_000_000_031, 241, 251, 261, none),
        status=ints(200, 0, 0, 0, 503, 200, 200, 0),
        error=np.arange(kinds),
        queued=ints(0, 1, 0, 1, 0, 0, 0, 1),
        resent=ints(0, 0, 0, 0, 0, 0, 0, 0),
    )
    used = Usage(
        at_ns=ints(-5, 500, 1_500_000_001),
        cpu_ns=ints(7_000_000_000, 7_000_000_500, 8_000_000_000),
        rss_bytes=ints(2**33, 2**33 + 4096, 2**33),
        pss_bytes=ints(2**32, none, 2**32 + 1),
        processes=ints(1, 2, 1),
        threads=ints(9, 40, 9),
        memory_bytes=ints(2**31, none, 2**31 + 1),
        throttled_ns=ints(0, 5, 2**40),
        gpu_percent=ints(0, 100, none),
        gpu_bytes=ints(2**34, none, 2**34 + 1),
        gpu_milliwatts=ints(none, 300_000, 1),
    )
    calls = Calls(
        start_ns=ints(1, 100),
        duration_ns=ints(90, 45),
        batch=ints(1, 16),
        process=ints(0, 1),
        thread_cpu_ns=ints(80, none),
    )
    closed = Requests(
        payload=ints(3, 4),
        due_ns=ints(none, none),
        sent_ns=ints(0, 7),
        first_byte_ns=ints(5, 11),
        done_ns=ints(6, 12),
        status=ints(200, 200),
        error=ints(0, 0),
        queued=ints(0, 0),
        resent=ints(0, 0),
    )
    full = run(
        window(STEADY, requests, used, calls, steal_share=0.015625),
        window(RAMP),
        window(CLOSED, closed),
        log="listening\r\n50 %\r100 %\nünïcode\n",
    )
    probe = window(Profile("probe-1", "poisson", 1.5, rate_per_s=250.5), requests, used, calls)
    search = Search(
        slo="p99<50ms, errors<0.1%", start_per_s=250.5, ceiling_per_s=9_000.5, budget_s=15.0
    )
    watched = replace(
        full.windows[0].facts,
        cpu_energy_j=50.5,
        cpu_energy_s=1.75,
        host=HostWatch(
            suspended_s=0.0,
            clock_step_s=-0.25,
            swapped_in=7,
            swapped_out=None,
            mhz=(2500.5, 2400.0),
        ),
        workers=(
            WorkerFacts(
                name="other/7",
                requests=3,
                offset_ns=-5,
                uncertainty_ns=40,
                drift_ns=None,
                lost="it was killed",
            ),
        ),
        causes=(
            Cause(error="connect", kind="refused", count=1),
            Cause(error="status", kind="503", count=1, said="bu\\x1bsy", location="/else"),
        ),
        timeout_s=10.0,
        server_clock=ServerClock(offset_ns=-(2**50), uncertainty_ns=4),
    )
    steady = replace(full.windows[0], facts=watched)
    warm_up = WarmUp(3.5, 1.25, (7.5, None, 7.25))
    full = replace(full, facts=replace(full.facts, search=search, warm_up=warm_up))
    return fakes.of_windows(full, steady, *full.windows[1:], probe.of_kind(WindowKind.PROBE))


def heard(run: Run) -> Run:
    """The same where the answers of two windows came in pieces, those of one told things, some need
    not be the reference's, and instances were started for some."""
    first, second, third, *rest = run.windows
    parts = Chunks(
        request=ints(0, 2, 2),
        at_ns=ints(150, 180, 190),
        size_bytes=ints(0, 5, 2**40),
        count=ints(2, MISSING, 0),
    )
    told = Marks(request=ints(0, 0, 2), mark=ints(1, 4, 1), value=ints(3, 160, 1))
    wire = Wire(sent=1 << 40, received=0)
    first = replace(first, facts=replace(first.facts, wire=wire, own=OWN), chunks=parts, marks=told)
    second = replace(second, facts=replace(second.facts, own_problem="HTTP 404", scrapes=SCRAPES))
    function = FunctionFacts(
        event="http",
        memory_mib=1769,
        timeout_s=30.5,
        concurrency=1,
        most_instances=None,
        beyond="queue",
        idle_s=300.0,
    )
    server = replace(run.facts.server, answers=APPROXIMATE, refuses_beyond=51, function=function)
    accuracy = Accuracy(asked=50, right=44, reference_right=47, local=30)
    life = replace(_replaced(), **_started(), **_changed())
    facts = replace(run.facts, server=server, accuracy=accuracy, lifecycle=life)
    facts = replace(facts, container=replace(CONTAINER, reached="service", pod=POD))
    whole = replace(run, facts=facts)
    third = replace(third, chunks=_one(), invocations=_invoked())
    killed = window(Profile("pod-killed", "poisson", 1.5, rate_per_s=7.5))
    change = killed.of_kind(WindowKind.CHANGE)
    return fakes.of_windows(whole, first, second, third, *rest, change)


def _replaced() -> Lifecycle:
    """Of a server whose batch job ran once more, with another version of the model."""
    first = BatchJob(
        version=1,
        began_ns=5,
        ended_ns=2_500_000_005,
        cpu_s=2.25,
        batch_size=32,
        inputs=150,
        store_bytes=4096,
    )
    failed = replace(first, version=2, began_ns=2**50, ended_ns=2**51, failure="The disk is full.")
    told = Replacement(version=2, asked_ns=10**9, failure="The disk is full.")
    return Lifecycle(jobs=(first, failed), replacement=told)


def _started() -> dict[str, Any]:
    """Of a function: some starts, a burst, and an instance that did not fit into its memory."""
    start = Start(
        temperature=FILES,
        create_s=0.125,
        runtime_s=0.25,
        import_s=0.5,
        load_s=1.0,
        answer_s=0.0625,
        whole_s=1.9375,
        major_faults=4096,
    )
    return {
        "starts": Starts(
            samples=(start,),
            thrown_away=(ThrownAway(temperature=FILES, count=2, reason="It was warm."),),
            impossible=(("image", "There is no engine."),),
        ),
        "burst": Burst(most_instances=10, beyond=THROTTLE),
        "lost": (Lost(fate=OUT_OF_MEMORY, count=1, said="Out of memory: 512 MiB."),),
    }


def _changed() -> dict[str, Any]:
    """Of a Deployment: what its pods did, and that one was killed while load went on."""
    change = ClusterChange(
        name="pod-killed",
        slo="p99<50ms, errors<0.1%",
        rate_per_s=7.5,
        phases=(
            LoadPhase(name="before", from_ns=0, to_ns=500_000_000, rate_per_s=7.5),
            LoadPhase(name="during", from_ns=500_000_000, to_ns=2**31, rate_per_s=7.5),
        ),
        moments=(
            PodMoment(at_ns=-5, wanted=2, ready=2, present=2, cpu_percent=79),
            PodMoment(at_ns=700_000_000, wanted=None, ready=1, present=3),
        ),
        happenings=(Happening(at_ns=500_000_000, said="The pod some-1 was deleted."),),
        shares=(PodShare(pod="some-1", calls=3), PodShare(pod="some-2", calls=0)),
        recovery_s=1.25,
        metrics_from="a shim",
        note="One node.",
        failure="The API server went away.",
    )
    trained = TrainedVersion(
        version=2,
        by="CronJob",
        asked_ns=10**9,
        began_ns=2 * 10**9,
        ended_ns=2**32,
        served_ns=None,
        trained_s=0.5,
        stored_s=0.75,
        accuracy=0.9375,
        failure="The Deployment was not updated.",
    )
    again = ClusterChange(
        name="train-and-serve", slo="p99<50ms", rate_per_s=2.5, trained=(trained,)
    )
    return {"shares": (PodShare(pod="some-1", calls=2**40),), "changes": (change, again)}


def _invoked() -> Invocations:
    """A request that an instance was started for, one that found it, one that was throttled."""
    none = MISSING
    return Invocations(
        arrived_ns=ints(1, 5, 9),
        dispatched_ns=ints(2, 6, none),
        handled_ns=ints(3, 7, none),
        returned_ns=ints(4, none, none),
        answered_ns=ints(5, 8, none),
        sent_ns=ints(6, 9, 10),
        instance=ints(1, 1, none),
        cold=ints(1, 0, 0),
        status=ints(200, 502, 429),
        billed_ms=ints(250, 2, 0),
        init_ns=ints(2**40, 0, 0),
        peak_bytes=ints(2**33, none, none),
    )


def _one() -> Chunks:
    return Chunks(request=ints(1), at_ns=ints(8), size_bytes=ints(3), count=ints(MISSING))


def failed_run() -> Run:
    """A run that ended before its first window."""
    return run(failure=Failure("ready", "It did not get ready.", "last\nwords"), round=2)


def campaign() -> Campaign:
    """The plan that both runs belong to."""
    return Campaign(
        id="some-campaign",
        started_at="2026-01-02T03:04:05+00:00",
        preset="standard",
        command="python -m harness run 'so me'",
        cells=(cell_of("some", "iris", 1), cell_of("some", "iris", 2)),
        left_out=(("other on iris", "iris has no predictor for torch"),),
        environment={"machine": "Imaginary CPU", "cpus": "4"},
        benchmarks={
            "iris": BenchmarkFacts(
                version=1,
                description="Iris species.",
                slo="p99<25ms",
                payloads=150,
                artefact={"accuracy": 0.9375, "classes": ["a", "b"], "nested": {"none": None}},
                capacity_per_s=4321.5,
                profiles=(STEADY, RAMP, CLOSED),
                judge="ranking:3",
                tolerance=0.001,
            )
        },
        proof=HostProof(
            ceiling_per_s=11_500.5, lag_p50_us=18.25, lag_p99_us=140.125, rate_per_s=1000.0
        ),
        server_cpus=(0, 1),
        generator_cpus=(2, 3),
        launcher="process",
        device="cpu",
        endpoint=Endpoint(
            name="deployed",
            url="https://example.org",
            protocol="v2",
            headers={"Authorization": "$TOKEN"},
        ),
        checks=(HostCheck("cpus", "good", "4: server and generator are kept apart"),),
        driver="locust",
    )


def campaign_as_schema_6() -> Campaign:
    """The plan as schema 6 knew it."""
    later = campaign()
    known = {
        name: replace(facts, judge="equal", tolerance=None)
        for name, facts in later.benchmarks.items()
    }
    return replace(later, benchmarks=known)


def as_schema_6(later: Run) -> Run:
    """The same as schema 6 knew it."""

    def on_our_clock(window: Window) -> Window:
        return replace(window, facts=replace(window.facts, server_clock=SAME_CLOCK))

    windows = tuple(map(on_our_clock, later.windows))
    facts = replace(later.facts, windows=tuple(w.facts for w in windows))
    return replace(later, facts=facts, windows=windows)


def as_schema_5(later: Run) -> Run:
    """The same as schema 5 knew it."""
    later = as_schema_6(later)

    def unexplained(window: Window) -> Window:
        return replace(window, facts=_as_schema_5(window.facts))

    return fakes.of_windows(later, *map(unexplained, later.windows))


def _as_schema_5(facts: WindowFacts) -> WindowFacts:
    return replace(facts, causes=(), timeout_s=None)


def as_schema_4(later: Run) -> Run:
    """The same as schema 4 knew it."""
    later = as_schema_5(later)

    def untimed(window: Window) -> Window:
        found = window.calls
        columns = (found.start_ns, found.duration_ns, found.batch, found.process)
        return replace(window, calls=calls_of(*columns))

    return fakes.of_windows(later, *map(untimed, later.windows))


def as_schema_3(later: Run) -> Run:
    """The same as schema 3 knew it."""
    run = as_schema_4(later)
    windows = (replace(window, facts=_as_schema_3(window.facts)) for window in run.profiles)
    facts = replace(run.facts, search=None, warm_up=None)
    return fakes.of_windows(replace(run, facts=facts), *windows)


def _as_schema_3(facts: WindowFacts) -> WindowFacts:
    return replace(facts, cpu_energy_j=None, cpu_energy_s=None, host=None, workers=())


def as_schema_2(later: Run) -> Run:
    """The same as schema 2 knew it."""
    run = as_schema_3(later)
    windows = (replace(w, usage=_as_schema_2(w.usage)) for w in run.windows)
    return Run(replace(run.facts, image=None, container=None), tuple(windows), run.log)


def _as_schema_2(seen: Usage) -> Usage:
    known = ("cpu_ns", "rss_bytes", "pss_bytes", "processes", "threads")
    return usage(seen.at_ns, **{name: getattr(seen, name) for name in known})


def as_schema_1(later: Run) -> Run:
    """The same as schema 1 knew it."""
    run = as_schema_2(later)
    server = replace(run.facts.server, maintained=True, note="", asked=None)
    windows = (
        replace(w, calls=replace(w.calls, process=np.zeros_like(w.calls.batch)))
        for w in run.windows
    )
    return Run(replace(run.facts, server=server, model_threads=()), tuple(windows), run.log)


def main() -> None:
    """Write the files of the current schema."""
    folder = DATA / f"schema-{store.SCHEMA}"
    store.write_campaign(folder, campaign())
    for made in (heard(full_run()), failed_run()):
        store.write_run(folder, made)


if __name__ == "__main__":
    main()
