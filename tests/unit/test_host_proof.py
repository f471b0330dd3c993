"""A rate that the generator can't reach is refused, with its ceiling, before it is fired."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.base.errors import HarnessError, ProvisionError, UsageError
from harness.measure.campaign import host_proof
from harness.measure.campaign.bench import Bench
from harness.measure.campaign.reference import Prepared
from harness.setup.tables import PresetTable
from harness.stored.hosts import HostCheck, HostProof
from harness.windows.profiles import Profile
from tests.unit import stored
from tests.unit.conftest import PROFILE, Project

CEILING = HostProof(ceiling_per_s=1000.0, lag_p50_us=10.0, lag_p99_us=50.0, rate_per_s=1000.0)
HALF = PROFILE.replace("rate_per_s = 10.0", "rate_share = 0.5")
PRESET = PresetTable(benchmarks=(), profiles=(), rounds=1, duration_scale=1.0, warm_up_s=0)


@pytest.mark.parametrize(
    ("profile", "refused"),
    [
        (Profile("steady", "poisson", 1.0, rate_per_s=1000.0), False),
        (Profile("steady", "poisson", 1.0, rate_per_s=1001.0), True),
        (Profile("ramp", "ramp", 1.0, rate_per_s=10.0, rate_to_per_s=1001.0), True),
        (Profile("spike", "spike", 1.0, rate_per_s=1001.0, rate_to_per_s=10.0), True),
        (Profile("saturated", "closed", 1.0, concurrency=5000), False),
    ],
)
def test_a_profile_beyond_the_ceiling(profile: Profile, refused: bool) -> None:
    found = host_proof.refusal("iris", [profile], CEILING)
    assert (found is not None) is refused
    if found is not None:
        assert f"The profile {profile.name!r} of iris asks for 1001/s" in str(found)
        assert "ceiling of the generator on this host is 1000/s" in str(found)


def test_without_a_proof_nothing_is_refused() -> None:
    assert (
        host_proof.refusal("iris", [Profile("steady", "poisson", 1.0, rate_per_s=1e9)], None)
        is None
    )


def prepared(project: Project, name: str, capacity_per_s: float) -> Prepared:
    """A benchmark whose only rate is a half of what is done in process."""
    made = project.bench(name, profiles=HALF)
    return Prepared(
        Bench(
            benchmark=made,
            artefact=project.root,
            payloads=(1, 2),
            expected=(1, 2),
            warm_up_s=0.0,
            verify_share=1.0,
        ),
        {},
        capacity_per_s,
    )


def test_a_benchmark_beyond_the_ceiling_does_not_stop_the_others(project: Project) -> None:
    lost = ProvisionError("It has no model.")
    known: dict[str, Prepared | HarnessError] = {
        "slow": prepared(project, "slow", 2000.0),
        "fast": prepared(project, "fast", 2002.0),
        "lost": lost,
    }
    notes: list[str] = []
    found = host_proof.within_ceiling(known, PRESET, CEILING, notes.append)
    assert {name: facts.profiles[0].rate_per_s for name, facts in found.items()} == {"slow": 1000}
    assert isinstance(known["slow"], Prepared)
    assert isinstance(known["fast"], UsageError)
    assert known["lost"] is lost
    assert notes == [str(known["fast"])]


def test_where_none_is_left_the_campaign_is_refused(project: Project) -> None:
    known: dict[str, Prepared | HarnessError] = {"fast": prepared(project, "fast", 2002.0)}
    with pytest.raises(UsageError, match="ceiling of the generator on this host is 1000/s"):
        host_proof.within_ceiling(known, PRESET, CEILING, lambda _: None)


def test_of_a_campaign_that_is_gone_on_with_what_is_worse_counts() -> None:
    before = replace(
        stored.campaign(),
        proof=CEILING,
        checks=(HostCheck("steal", "unfit", "40 %"), HostCheck("swap", "good", "none")),
    )
    again = (
        HostCheck("steal", "good", "0 %"),
        HostCheck("swap", "doubtful", "some"),
        HostCheck("new", "good", "since"),
    )
    slower = replace(CEILING, ceiling_per_s=900.0)
    found = host_proof.weaker(before, slower, again)
    assert {each.name: each.message for each in found.checks} == {
        "steal": "40 %",
        "swap": "some",
        "new": "since",
    }
    assert found.proof == slower
    assert host_proof.weaker(before, replace(CEILING, ceiling_per_s=2e3), ()).proof == CEILING
    assert host_proof.weaker(before, None, ()).proof == CEILING
    assert host_proof.weaker(replace(before, proof=None), slower, ()).proof == slower
