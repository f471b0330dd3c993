"""Deterministic campaigns and runs that nobody measured, for the tests of the reporting half."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from zlib import crc32

import numpy as np

from harness.stored import store
from harness.stored.container import ContainerFacts, ImageFacts
from harness.stored.hosts import HostProof
from harness.stored.identity import Canaries, Cell, Point, Subject, subject_name
from harness.stored.lifecycle import Lifecycle, WarmUp
from harness.stored.records import (
    BenchmarkFacts,
    Campaign,
    Failure,
    Run,
    RunFacts,
    Search,
    ServerFacts,
    Startup,
    Stop,
    Window,
    WindowFacts,
)
from harness.windows.kinds import WindowKind
from harness.windows.own_figures import OwnFigures, OwnLatency, Scrapes
from harness.windows.profiles import Profile, due_times, payload_order, seed_of
from harness.windows.samples import (
    ERRORS,
    MISSING,
    Calls,
    Ints,
    Requests,
    Usage,
    calls_of,
    empty,
    usage,
)

MIB = 1 << 20
STEADY = Profile("steady", "poisson", 10.0, rate_per_s=120.0)
SATURATED = Profile("saturated", "closed", 8.0, concurrency=8)
PROFILES = (STEADY, SATURATED)
BENCHMARK = BenchmarkFacts(
    version=1,
    description="Sentiment of short English sentences.",
    slo="p99<50ms",
    payloads=64,
    artefact={"accuracy": 0.8342, "weights": {"source": "cache", "files": 2}},
    capacity_per_s=300.0,
    profiles=PROFILES,
)
PROOF = HostProof(ceiling_per_s=11_500.0, lag_p50_us=18.0, lag_p99_us=140.0, rate_per_s=120.0)
BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
SCRAPES = Scrapes(every_s=5.0, answered=2, failed=0, longest_s=0.0031, bytes=12_345)
ENVIRONMENT = {
    "machine": "Imaginary CPU @ 2.00GHz",
    "cpus": "4",
    "memory": "15.6 GiB",
    "kernel": "Linux 6.1.0",
}


@dataclass(frozen=True, slots=True)
class Fake:
    """A variant that does not exist, and how it behaves."""

    variant: str = "fake"
    median_ms: float = 8.0
    track: str = "matched"
    jitter: float = 0.25  # sigma of the log-normal service time
    drift: float = 0.01  # by how much the median differs from round to round
    errors: float = 0.0  # share of requests that time out
    lag_ms: float = 0.01  # of the generator
    wrong: int = 0
    batch: int = 1
    ready_s: float = 1.2
    memory_mib: float = 240.0
    framework: str = "Fake"
    version: str | None = "1.2.3"
    homepage: str = "https://example.org/fake"
    reference: bool = False
    failure: Failure | None = None
    fails_in: frozenset[int] | None = None  # rounds; None means all, where there is a failure
    profiles: tuple[Profile, ...] = PROFILES
    image: ImageFacts | None = None  # of its container, where it is one
    container: ContainerFacts | None = None
    life: Lifecycle | None = None
    metered: bool = False  # whether it has metrics of its own
    own_problem: str = ""  # what is wrong with those
    beside: tuple[str, ...] = ()  # variants that it is to be shown beside
    slows: float = 1.0  # by so much from the start to the end of an open-loop window
    capacity_per_s: float | None = None  # at the SLO of BENCHMARK; None: not searched for
    parts: tuple[float, ...] = (0.5, 2.0, 0.9, 1.1, 0.98, 1.02, 1.0)  # of it that were probed
    content: str = ""  # digest of what it ran from
    launcher: str | None = None  # None: what its image tells
    revision: str | None = None

    @property
    def subject(self) -> Subject:
        usual = self.launcher in ("process", "remote")
        return Subject(self.variant, None if usual else self.launcher, self.revision)

    @property
    def name(self) -> str:
        """What reports call it."""
        return subject_name(self.subject)


def run(
    fake: Fake,
    number: int = 1,
    benchmark: str = "sentiment",
    campaign: str = "fake-campaign",
    point: Point | None = None,
) -> Run:
    """The run of a variant in one round."""
    cell = Cell(subject=fake.subject, benchmark=benchmark, point=point, round=number)
    rng = np.random.default_rng(crc32(str(cell).encode()))
    failed = fake.failure is not None and (fake.fails_in is None or number in fake.fails_in)
    windows = () if failed else tuple(window(fake, cell, p, rng) for p in fake.profiles)
    ready_s = fake.ready_s * rng.uniform(0.95, 1.05)
    facts = RunFacts(
        campaign=campaign,
        cell=cell,
        server=server_facts(fake),
        started_at="2026-01-02T03:04:05+00:00",
        phases_s={"provision": 0.5, "launch": 0.02, "load": 18.2},
        startup=None if failed else Startup(ready_s, ready_s * 1.15),
        verified=0 if failed or fake.reference else BENCHMARK.payloads,
        windows=tuple(w.facts for w in windows),
        stop=Stop(seconds=0.12, exit_code=0, orphans=0, killed=0),
        failure=fake.failure if failed else None,
        model_threads=(),
        image=fake.image,
        container=None if failed else fake.container,
        lifecycle=None if failed else fake.life,
        warm_up=None if failed else WarmUp(0.9, 0.25, (3 * fake.median_ms, *[fake.median_ms] * 3)),
    )
    log = fake.failure.log_tail if failed and fake.failure else "listening\n"
    if failed or fake.capacity_per_s is None:
        return Run(facts, windows, log)
    capacity = fake.capacity_per_s * (1 + fake.drift * rng.uniform(-1, 1))
    probes = [probe(capacity, part, rng) for part in fake.parts]
    search = Search(
        slo=BENCHMARK.slo, start_per_s=capacity / 2, ceiling_per_s=9_000.0, budget_s=15.0
    )
    return having(Run(replace(facts, search=search), windows, log), WindowKind.PROBE, probes)


def having(run: Run, kind: WindowKind, windows: Iterable[Window]) -> Run:
    """The run with these windows in place of those of that kind."""
    others = (window for window in run.windows if window.facts.kind != kind)
    every = [*others, *(window.of_kind(kind) for window in windows)]
    every.sort(key=lambda window: list(WindowKind).index(window.facts.kind))
    return of_windows(run, *every)


def of_windows(run: Run, *windows: Window) -> Run:
    """The run with these windows and no other."""
    return replace(
        run, windows=windows, facts=replace(run.facts, windows=tuple(w.facts for w in windows))
    )


def probe(capacity: float, part: float, rng: np.random.Generator) -> Window:
    """A probe at a part of the capacity: there, 1% of its requests take longer than the SLO has."""
    count, rate = 2000, part * capacity
    profile = Profile("probe", "poisson", count / rate, rate_per_s=rate)
    due = (np.arange(count) / rate * 1e9).astype(np.int64)
    late = rng.random(count) < min(1.0, 0.01 * part**20)
    taken = np.where(late, 80e6, 20e6) * rng.uniform(0.9, 1.1, count)
    done, zeros = due + taken.astype(np.int64), np.zeros(count, np.int64)
    requests = Requests(
        payload=zeros,
        due_ns=due,
        sent_ns=due,
        first_byte_ns=done,
        done_ns=done,
        status=zeros + 200,
        error=zeros,
        queued=zeros,
        resent=zeros,
    )
    facts = WindowFacts(
        profile=profile,
        elapsed_s=count / rate,
        generator_cpu_s=0.1,
        generator_cpus=1,
        steal_share=0.0,
        checked=0,
        wrong=0,
    )
    return Window(facts=facts, requests=requests, usage=empty(Usage), calls=empty(Calls))


def server_facts(fake: Fake) -> ServerFacts:
    """What is said of the server of a fake variant."""
    return ServerFacts(
        server=fake.name.partition("-")[0],
        framework=fake.framework,
        version=fake.version,
        homepage=fake.homepage,
        licence="Apache-2.0",
        track=fake.track,
        protocol="json",
        backend="onnx",
        device="cpu",
        launcher=fake.launcher or ("process" if fake.image is None else "docker"),
        reference=fake.reference,
        description="Answers rightly, after a while.",
        content=fake.content,
        beside=fake.beside,
    )


def window(fake: Fake, cell: Cell, profile: Profile, rng: np.random.Generator) -> Window:
    """One profile's stretch of a fake run."""
    requests, elapsed_s = _requests(fake, cell, profile, rng)
    lower = 0 if fake.variant == "in-process" else 2
    facts = WindowFacts(
        profile=profile,
        elapsed_s=elapsed_s,
        generator_cpu_s=0.1 * elapsed_s,
        generator_cpus=lower,
        steal_share=0.001,
        checked=40,
        wrong=fake.wrong,
        own=own_figures(requests) if fake.metered else None,
        own_problem=fake.own_problem,
        scrapes=SCRAPES if fake.metered else None,
    )
    answered = requests.done_ns[requests.ok]
    started = np.sort(answered)[:: fake.batch] if len(answered) else empty(Calls).start_ns
    duration = (0.4 * fake.median_ms * 1e6 * rng.lognormal(0, 0.1, len(started))).astype(np.int64)
    batch = np.full(len(started), fake.batch, np.int64)
    calls = calls_of(started - duration, duration, batch, np.zeros_like(batch))
    return Window(
        facts=facts, requests=requests, usage=_usage(fake, elapsed_s, len(answered)), calls=calls
    )


def own_figures(requests: Requests, away_ms: float = 2.0) -> OwnFigures:
    """What a server would say that had each of them that much less than its client."""
    taken_s = np.maximum(requests.service_ns() / 1e6 - away_ms, 0.0) / 1e3
    counts, _ = np.histogram(taken_s, (0.0, *BOUNDS_S, np.inf))
    latency = OwnLatency(
        spans="request",
        count=float(len(taken_s)),
        sum_s=float(taken_s.sum()),
        bounds_s=BOUNDS_S,
        counts=tuple(map(float, counts)),
    )
    return OwnFigures(requests=float(len(taken_s)), latency=latency)


def requests(
    due_ms: Sequence[float] | None,
    sent_ms: Sequence[float],
    done_ms: Sequence[float],
    error: Sequence[str] = (),
) -> Requests:
    """Requests given one by one, for sums that can be done by hand."""
    count = len(sent_ms)
    codes = [ERRORS.index(name) for name in error] or [0] * count
    due = np.full(count, MISSING, np.int64) if due_ms is None else _ns(due_ms)
    zeros = np.zeros(count, np.int64)
    done = _ns(done_ms)
    return Requests(
        payload=zeros,
        due_ns=due,
        sent_ns=_ns(sent_ms),
        first_byte_ns=done,
        done_ns=done,
        status=zeros + 200,
        error=np.array(codes),
        queued=zeros,
        resent=zeros,
    )


def exact_run(*windows: tuple[Profile, Requests], fake: Fake | None = None) -> Run:
    """A run of just these windows, without usage or calls."""
    base = run(replace(fake or Fake(), profiles=()))
    made = tuple(
        Window(
            facts=WindowFacts(
                profile=profile,
                elapsed_s=profile.duration_s,
                generator_cpu_s=0.0,
                generator_cpus=1,
                steal_share=0.0,
                checked=0,
                wrong=0,
            ),
            requests=columns,
            usage=empty(Usage),
            calls=empty(Calls),
        )
        for profile, columns in windows
    )
    return replace(of_windows(base, *made), log="")


def campaign(
    fakes: Iterable[Fake],
    rounds: int = 3,
    benchmarks: Sequence[str] = ("sentiment",),
    id: str = "fake-campaign",
) -> Campaign:
    """The plan of a campaign of those variants."""
    fakes = tuple(fakes)
    subjects = {fake.subject for fake in fakes}
    cells = [
        Cell(subject=fake.subject, benchmark=benchmark, point=None, round=number)
        for number in range(1, rounds + 1)
        for benchmark in benchmarks
        for fake in (fakes if number % 2 else reversed(fakes))
    ]
    return Campaign(
        id=id,
        started_at="2026-01-02T03:04:05+00:00",
        preset="standard",
        command="python -m harness run --all",
        cells=tuple(cells),
        left_out=(),
        environment=ENVIRONMENT,
        benchmarks={name: replace(BENCHMARK) for name in benchmarks},
        proof=PROOF,
        server_cpus=(0, 1),
        generator_cpus=(2, 3),
        launcher="process",
        device="cpu",
        canaries=Canaries(
            *(s if (s := Subject(name)) in subjects else None for name in ("in-process", "null"))
        ),
    )


def stored_campaign(
    folder: Path,
    fakes: Iterable[Fake],
    rounds: int = 3,
    benchmarks: Sequence[str] = ("sentiment",),
    plan: Campaign | None = None,
) -> Path:
    """Run and store a whole campaign of fakes in `folder`, which is returned."""
    known = {fake.name: fake for fake in fakes}
    plan = plan or campaign(known.values(), rounds, benchmarks, folder.name)
    store.write_campaign(folder, plan)
    for cell in plan.cells:
        made = run(known[cell.variant_name], cell.round, cell.benchmark, plan.id, cell.point)
        store.write_run(folder, made)
    return folder


def _ns(ms: Sequence[float]) -> Ints:
    return np.round(np.asarray(ms, float) * 1e6).astype(np.int64)


def _requests(
    fake: Fake, cell: Cell, profile: Profile, rng: np.random.Generator
) -> tuple[Requests, float]:
    factor = 1 + fake.drift * np.sin(2.0 * cell.round)
    if profile.is_open:
        seed = seed_of(cell.benchmark_name, BENCHMARK.version, profile.name, cell.round)
        due = due_times(profile, seed)
        sent = due + (fake.lag_ms * 1e6 * rng.lognormal(0, 0.3, len(due))).astype(np.int64)
        service = _service(fake, factor, len(due), rng)
        service = (service * np.linspace(1, fake.slows, len(due))).astype(np.int64)
    else:
        callers = profile.concurrency or 1
        per_caller = int(profile.duration_s * 1e3 / (0.7 * callers * fake.median_ms)) + 1
        service = _service(fake, factor * 0.7 * callers, per_caller * callers, rng)
        ends = np.cumsum(service.reshape(callers, per_caller), axis=1)
        sent = np.sort((ends - service.reshape(callers, per_caller)).ravel())
        due = np.full(len(sent), MISSING, np.int64)
    count = len(sent)
    done = sent + service
    failed = rng.random(count) < fake.errors
    error = np.where(failed, ERRORS.index("timeout"), 0).astype(np.int64)
    order = payload_order(BENCHMARK.payloads, count, 7)
    first_byte = np.where(failed, MISSING, done - 1000)
    done = np.where(failed, MISSING, done)
    status = np.where(failed, 0, 200).astype(np.int64)
    columns = (order, due, sent, first_byte, done, status, error, *np.zeros((2, count), np.int64))
    named = {field.name: column for field, column in zip(fields(Requests), columns, strict=True)}
    elapsed_s = max(profile.duration_s, float(done.max(initial=0)) / 1e9)
    return Requests(**named), elapsed_s


def _service(fake: Fake, factor: float, count: int, rng: np.random.Generator) -> Ints:
    ms = fake.median_ms * factor * rng.lognormal(0, fake.jitter, count)
    return (ms * 1e6).astype(np.int64)


def _usage(fake: Fake, elapsed_s: float, answered: int) -> Usage:
    at_ns = np.linspace(0, elapsed_s * 1e9, 5).astype(np.int64)
    cpu_ns = np.linspace(2e9, 2e9 + answered * 0.6 * fake.median_ms * 1e6, 5).astype(np.int64)
    bytes_ = np.full(5, int(fake.memory_mib * MIB), np.int64)
    pss = np.where([True, False, False, False, True], bytes_, MISSING)
    ones = np.full(5, 1, np.int64)
    return usage(
        at_ns, cpu_ns=cpu_ns, rss_bytes=bytes_, pss_bytes=pss, processes=ones, threads=9 * ones
    )
