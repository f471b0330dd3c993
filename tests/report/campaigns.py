"""The campaign that the tests of the report render: a bit of everything that can be in one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.stored import store
from harness.stored.container import ContainerFacts, ImageFacts
from harness.stored.hosts import HostCheck
from harness.stored.lifecycle import Installed, Lifecycle, Overload
from harness.stored.records import Failure
from harness.windows.profiles import Profile
from tests.cells import cell_of
from tests.fakes import BENCHMARK, Fake, campaign, run, stored_campaign

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"
MATHS = "$x_1$"
PROFILES = (
    Profile("steady", "poisson", 5.0, rate_per_s=100.0),
    Profile("saturated", "closed", 2.0, concurrency=4),
)
_NASTY_LOG = f"Traceback {SCRIPT}\n\x1b[31mred\x1b[0m \x00 \u202e </pre>{IMAGE} {{{{ 7 * 7 }}}}"
LIFE = Lifecycle(
    installed=Installed(300 << 20, 12.5),
    memory_idle_bytes=90 << 20,
    memory_after_bytes=120 << 20,
    overload=Overload(slo="p99<50ms", capacity_per_s=200.0, recovery_s=1.25),
)
FAKES: tuple[Fake, ...] = (
    Fake("in-process", 4.0, reference=True, framework="in process", version=None, jitter=0.1),
    Fake("null", 0.5, reference=True, framework="null server", version="0.21.0"),
    Fake("fast", 6.0, life=LIFE, metered=True),
    Fake("as-fast", 6.02, ready_s=3.0, memory_mib=512.0, homepage="javascript:alert(1)"),
    Fake(MATHS, 9.0, framework=f"Maths {SCRIPT}", version=f"1.0{SCRIPT}", errors=0.03),
    Fake(IMAGE, 11.0, homepage=f'https://example.org/"><b>{SCRIPT}'),
    Fake("batched", 8.0, track="tuned", batch=4, own_problem=f"HTTP 404: {SCRIPT}"),
    Fake("batched-more", 12.0, track="tuned", batch=8, version=None),
    Fake("lagged", 9.0, lag_ms=3.0),
    Fake("broken", failure=Failure("ready", f"It never said {SCRIPT} & was ready.", _NASTY_LOG)),
    Fake("once-broken", 7.0, failure=Failure("launch", "Port taken."), fails_in=frozenset({2})),
)
CONTAINER = ContainerFacts(
    engine="20.10",
    reached="container",
    memory_limit_bytes=1 << 32,
    pids_limit=1024,
    memory_peak_bytes=300 << 20,
    throttled_s=0.0,
    out_of_memory=0,
)
FAKES += (
    Fake(
        "fast",
        6.4,
        launcher="docker",
        image=ImageFacts(
            tag=f"some/image:{SCRIPT}",
            id="sha256:1",
            size_bytes=700_000_000,
            base=IMAGE,
            build_s=61.5,
            steps=20,
            steps_reused=11,
        ),
        container=CONTAINER,
    ),
    Fake(
        "loaded",
        7.4,
        launcher="docker",
        image=ImageFacts(
            tag="some/image:2",
            id="sha256:2",
            size_bytes=900_000_000,
            base="base",
            build_s=None,
            steps=0,
            steps_reused=0,
        ),
        container=replace(CONTAINER, reached="published", out_of_memory=2, throttled_s=1.5),
    ),
)

DAMAGED = cell_of("batched-more", "sentiment", 3)
NOT_RUN = cell_of("once-broken", "sentiment", 3)


def store_all_sorts(folder: Path) -> Path:
    """Store a campaign with ties, two tracks, a failure, an INVALID run, a damaged file, and names
    that were chosen by an enemy; the folder is returned."""
    fakes = [replace(fake, profiles=PROFILES) for fake in FAKES]
    facts = replace(BENCHMARK, profiles=PROFILES, description=f"Sentences. {SCRIPT}")
    plan = replace(
        campaign(fakes, rounds=3, id="all-sorts"),
        left_out=(("torch on iris", f"iris has no predictor for {SCRIPT}"),),
        benchmarks={"sentiment": facts},
        checks=(
            HostCheck("generator ceiling", "good", "50000/s against the null server"),
            HostCheck("swap", "doubtful", "0.3 GiB in use, 0 pages moved in 1 s"),
            HostCheck("other load", "unfit", f"60% of the CPU time is in use by {SCRIPT}"),
        ),
        environment={"machine": f"Imaginary CPU {SCRIPT}", "cpus": "4"},
    )
    store.write_campaign(folder, plan)
    known = {fake.name: fake for fake in fakes}
    for cell in plan.cells:
        if cell != NOT_RUN:
            store.write_run(folder, run(known[cell.variant_name], cell.round, campaign=plan.id))
    requests = store.cell_folder(folder, DAMAGED) / "requests.parquet"
    requests.write_bytes(requests.read_bytes()[:-100])
    return folder


SEARCHED = (
    Fake("in-process", 4.0, reference=True, framework="in process", capacity_per_s=320.0),
    Fake("fast", 6.0, capacity_per_s=300.0),
    Fake("as-fast", 6.1, capacity_per_s=299.0, drift=0.03),
    Fake("slow", 20.0, capacity_per_s=120.0),
    Fake("slowest-of-all-and-with-a-long-name", 22.0, capacity_per_s=60.0),
    Fake("lagged", 9.0, lag_ms=3.0, capacity_per_s=200.0),
    Fake("broken", failure=Failure("ready", "It was not ready within 60 s.", "Traceback\nboom")),
    Fake("batched", 8.0, track="tuned", batch=4, capacity_per_s=400.0),
    Fake("batched-more", 12.0, track="tuned", batch=8, capacity_per_s=380.0, life=LIFE),
)


def store_searched(folder: Path) -> Path:
    """Store a campaign that searched for capacities on two benchmarks; the folder is returned."""
    fakes = [replace(fake, profiles=PROFILES) for fake in SEARCHED]
    return stored_campaign(folder, fakes, 3, ("sentiment", "iris"))
