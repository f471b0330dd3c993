"""What a variant is asked depends on benchmark, profile and round alone, and answers are judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from harness.base.errors import AnswerError
from harness.base.trust import SYSTEM
from harness.measure.campaign.bench import Bench
from harness.measure.cell.stages import Stages
from harness.measure.launch.calls import ServerRecords
from harness.measure.launch.launchers import Launched, Launcher
from harness.measure.load.generator.job import Fired, Job
from harness.measure.load.generator.pool import Generator
from harness.measure.prepare.environments import Environment
from harness.setup.catalog import Variant
from harness.setup.endpoints import Headers
from harness.stored.clocks import ServerClock
from harness.windows.profiles import Profile
from harness.windows.samples import ERRORS, MISSING
from tests.unit.conftest import Project

POISSON = Profile("steady", "poisson", 2.0, rate_per_s=50.0)
CLOSED = Profile("saturated", "closed", 1.0, concurrency=4)
PAYLOADS = tuple(range(40))
WRONG = b'{"predictions": ["wrong"]}'


class FakeLaunched:
    """A server that nobody asks."""

    scheme, host, port, base, started_ns = "http", "127.0.0.1", 8000, "", 0

    def __init__(self, folder: Path) -> None:
        self.ports: dict[str, int] = {}
        self.headers: Headers = ()
        self.trust = SYSTEM
        self.log = folder

    def exited(self) -> None: ...

    def calls(self) -> ServerRecords:
        return ServerRecords(clock=ServerClock(offset_ns=5, uncertainty_ns=3))

    def sample(self, *, pss: bool) -> dict[str, int]:
        return {"cpu_ns": 1, "pss_bytes": 3 if pss else MISSING}


class FakeGenerator:
    """Notes what it is to fire, and answers each payload with the answer that it is given."""

    cpus = (0, 1)
    start_ns = 0

    def __init__(self, answer: Any = None) -> None:
        self.jobs: list[Job] = []
        self.answer = answer or (lambda payload: json.dumps({"predictions": [payload]}).encode())

    def start(self, job: Job) -> FakeGenerator:
        self.jobs.append(job)
        return self

    def wait(self, seconds: float) -> bool:
        return seconds > 0

    def result(self) -> Fired:
        job = self.jobs[-1]
        rows = len(job.payload) if job.limit is None else job.limit
        zeros = np.zeros(rows, np.int64)
        payload = job.payload[:rows]
        kept = range(0, rows, job.keep_every) if job.keep_every else ()
        columns = dict.fromkeys(("sent_ns", "first_byte_ns", "done_ns", "queued", "resent"), zeros)
        due = zeros + MISSING if job.due_ns is None else job.due_ns
        columns |= {"payload": payload, "due_ns": due, "status": zeros + 200, "error": zeros}
        return Fired(
            columns=columns,
            bodies={row: self.answer(int(payload[row])) for row in kept},
            cpu_s=0.5,
            elapsed_s=1.0,
        )


def stages(
    project: Project,
    variant: Variant,
    generator: FakeGenerator,
    round_number: int = 1,
    **more: Any,
) -> Stages:
    known: dict[str, Any] = {"warm_up_s": 1.0, "verify_share": 1.0, **more}
    bench = Bench(
        benchmark=project.bench(),
        artefact=project.root,
        payloads=PAYLOADS,
        expected=PAYLOADS,
        **known,
    )
    return Stages(
        variant,
        bench,
        Environment(bin=project.root, key="key"),
        cast(Launcher, None),
        cast(Generator, generator),
        (0,),
        "cpu",
        round_number,
        project.root,
    )


@pytest.fixture
def launched(tmp_path: Path) -> Launched:
    return cast(Launched, FakeLaunched(tmp_path))


def fired(project: Project, launched: Launched, name: str, profile: Profile, number: int) -> Job:
    generator = FakeGenerator()
    stages(project, project.variant(name), generator, number).load(launched, profile)
    (job,) = generator.jobs
    return job


@pytest.mark.parametrize("profile", [POISSON, CLOSED], ids=lambda profile: profile.name)
def test_every_variant_is_asked_the_same_at_the_same_times(
    project: Project, launched: Launched, profile: Profile
) -> None:
    one = fired(project, launched, "one", profile, 1)
    other = fired(project, launched, "other", profile, 1)
    later = fired(project, launched, "one", profile, 2)
    assert one.payload.tolist() == other.payload.tolist() != later.payload.tolist()
    assert one.target == other.target
    if one.due_ns is not None and other.due_ns is not None and later.due_ns is not None:
        assert one.due_ns.tolist() == other.due_ns.tolist() != later.due_ns.tolist()
    assert (one.due_ns is None) is (profile is CLOSED)


def test_the_first_round_verifies_every_payload(project: Project, launched: Launched) -> None:
    generator = FakeGenerator()
    assert stages(project, project.variant(), generator).verify(launched) == len(PAYLOADS)
    (job,) = generator.jobs
    assert (job.payload.tolist(), job.keep_every, job.concurrency) == (list(PAYLOADS), 1, 1)


def test_a_wrong_answer_is_named(project: Project, launched: Launched) -> None:
    generator = FakeGenerator(
        lambda payload: WRONG if payload == 7 else b'{"predictions": [%d]}' % payload
    )
    with pytest.raises(AnswerError) as caught:
        stages(project, project.variant(), generator).verify(launched)
    assert str(caught.value) == (
        "1 of 40 answers are not the reference's: wrong_answer. payload 7: expected 7, got 'wrong'"
    )


def test_a_reference_is_asked_but_not_judged(project: Project, launched: Launched) -> None:
    generator = FakeGenerator(lambda _: WRONG)
    made = stages(project, project.variant(more="reference = true"), generator)
    assert made.verify(launched) == 0
    window = made.load(launched, POISSON)
    assert (window.facts.checked, window.facts.wrong) == (0, 0)
    assert window.requests.ok.all()


def test_every_tenth_answer_under_load_is_judged(project: Project, launched: Launched) -> None:
    generator = FakeGenerator(lambda _: WRONG)
    window = stages(project, project.variant(), generator).load(launched, POISSON)
    kept = -(-len(window.requests) // 10)
    assert (window.facts.checked, window.facts.wrong) == (kept, kept)
    wrong = window.requests.error == ERRORS.index("wrong_answer")
    assert np.flatnonzero(wrong).tolist() == list(range(0, len(window.requests), 10))


@pytest.mark.parametrize("number", [1, 2])
def test_the_sample_under_load_is_of_all_payloads_verified_or_not(
    project: Project, launched: Launched, number: int
) -> None:
    generator = FakeGenerator()
    made = stages(project, project.variant(), generator, number, verify_share=0.8)
    made.verify(launched)
    made.load(launched, Profile("steady", "poisson", 60.0, rate_per_s=50.0))
    verified, load = generator.jobs
    assert len(verified.payload) < len(PAYLOADS)
    sampled = set(load.payload[:: load.keep_every].tolist())
    assert sampled == set(PAYLOADS)


AUDITED: dict[str, Any] = {
    "audit_s": 3.0,
    "unseen": tuple(range(100, 200)),
    "unseen_expected": tuple(range(100, 200)),
}


def test_every_answer_of_the_audit_is_judged(project: Project, launched: Launched) -> None:
    # The unseen payload 100 + n is message 40 + n, and its right answer 100 + n.
    generator = FakeGenerator(
        lambda place: b'{"predictions": [%d]}' % (place if place < 40 else 60 + place)
    )
    made = stages(project, project.variant(), generator, **AUDITED)
    assert made.audits
    window = made.audit(launched)
    (job,) = generator.jobs
    assert (job.keep_every, job.concurrency, job.limit) == (1, 1, 192)
    assert (job.duration_ns, len(job.target.messages)) == (3_000_000_000, 140)
    assert (window.facts.checked, window.facts.wrong) == (192, 0)
    assert window.facts.profile == Profile("audit", "closed", 3.0, concurrency=1)


def test_a_server_that_knows_its_payloads_alone_is_wrong_in_the_audit(
    project: Project, launched: Launched
) -> None:
    made = stages(project, project.variant(), FakeGenerator(), **AUDITED)
    assert made.audit(launched).facts.wrong == 128


def test_unseen_payloads_are_in_the_audit_alone(project: Project, launched: Launched) -> None:
    generator = FakeGenerator()
    made = stages(project, project.variant(), generator, **AUDITED)
    made.verify(launched)
    made.warm_up(launched, CLOSED)
    made.load(launched, POISSON)
    assert {int(place) for job in generator.jobs for place in job.payload} == set(PAYLOADS)


def test_what_is_not_audited(project: Project) -> None:
    variant, generator = project.variant(), FakeGenerator()
    assert not stages(project, variant, generator).audits
    assert not stages(project, variant, generator, audit_s=3.0).audits
    for key in ("reference", "inside", "client"):
        reference = project.variant(more=f"{key} = true")
        assert not stages(project, reference, generator, **AUDITED).audits


def test_usage_is_sampled_at_both_ends(project: Project, launched: Launched) -> None:
    window = stages(project, project.variant(), FakeGenerator()).load(launched, POISSON)
    assert window.usage.pss_bytes.tolist() == [3, 3]
    assert window.usage.memory_bytes.tolist() == [MISSING, MISSING]
    assert (np.diff(window.usage.at_ns) >= 0).all()


def test_a_window_says_what_the_host_did(project: Project, launched: Launched) -> None:
    window = stages(project, project.variant(), FakeGenerator()).load(launched, POISSON)
    host = window.facts.host
    assert host is not None
    assert abs(host.suspended_s) < 0.01
    assert abs(host.clock_step_s) < 0.05


@pytest.mark.parametrize("profile", [POISSON, CLOSED], ids=lambda profile: profile.name)
def test_warm_up_is_slices_of_the_same_profile(
    project: Project, launched: Launched, profile: Profile
) -> None:
    generator = FakeGenerator()
    found = stages(project, project.variant(), generator).warm_up(launched, profile)
    assert found is not None
    assert 1 <= len(generator.jobs) == len(found.medians_ms)
    assert sum(job.duration_ns for job in generator.jobs) <= 1_001_000_000
    for job in generator.jobs:
        assert (job.due_ns is None) is (profile is CLOSED)
        assert job.keep_every == 0
