"""How requests repeat: popular payloads by Zipf's law, and a share that no server has seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from harness.measure.campaign import unseen
from harness.measure.campaign.bench import Bench
from harness.measure.cell.payloads import Payloads
from harness.setup.catalog import benchmarks
from harness.setup.tables import ProfileTable
from harness.stored import plan
from harness.windows import repeats
from harness.windows.profiles import Profile, payload_order
from tests import fakes
from tests.unit.conftest import PROFILE, Project

PAYLOADS, COUNT, SEED = 100, 20_000, 5
PLAIN = Profile("steady", "poisson", 10.0, rate_per_s=50.0)
ZIPF = replace(PLAIN, popularity="zipf", exponent=1.0)
FRESH = np.arange(PAYLOADS, PAYLOADS + 50)


def test_without_a_law_each_payload_comes_as_often_as_before() -> None:
    order = repeats.order(PLAIN, PAYLOADS, COUNT, SEED, FRESH)
    assert (order == payload_order(PAYLOADS, COUNT, SEED)).all()


def test_the_kth_payload_comes_a_kth_as_often() -> None:
    order = repeats.order(ZIPF, PAYLOADS, COUNT, SEED, FRESH)
    counts = np.sort(np.bincount(order, minlength=PAYLOADS))[::-1]
    assert counts[0] / counts[1] == pytest.approx(2, rel=0.2)
    assert counts[0] / counts[4] == pytest.approx(5, rel=0.2)
    first = repeats.order(ZIPF, PAYLOADS, COUNT, SEED + 1, FRESH)
    assert np.bincount(order).argmax() != np.bincount(first).argmax(), "which is the first is drawn"


def test_it_is_the_same_for_every_variant() -> None:
    mixed = replace(ZIPF, unseen_share=0.3)
    first, second = (repeats.order(mixed, PAYLOADS, COUNT, SEED, FRESH) for _ in range(2))
    assert (first == second).all()


def test_a_share_is_fresh_each_of_them_once_as_far_as_they_go() -> None:
    order = repeats.order(replace(ZIPF, unseen_share=0.1), PAYLOADS, 300, SEED, FRESH)
    fresh = order[order >= PAYLOADS]
    assert 10 <= len(fresh) <= 50
    assert fresh.tolist() == FRESH[: len(fresh)].tolist()
    none = repeats.order(replace(ZIPF, unseen_share=0.1), PAYLOADS, 300, SEED, FRESH[:0])
    assert (none < PAYLOADS).all()
    every = repeats.order(replace(PLAIN, unseen_share=1.0), PAYLOADS, 120, SEED, FRESH)
    assert every.tolist() == [*FRESH, *FRESH, *FRESH[:20]], "where there are too few, again"


def test_so_many_are_made_as_profiles_need() -> None:
    share = replace(ZIPF, unseen_share=0.1)
    assert unseen.needed([PLAIN]) == 0
    assert 50 < unseen.needed([PLAIN, share]) < 100
    assert unseen.needed([replace(share, rate_per_s=1e6)]) == 6000
    closed = Profile("c", "closed", 1.0, concurrency=2, unseen_share=0.5)
    assert unseen.needed([closed]) >= 1000


def test_what_was_sent_is_not_fresh_any_more(project: Project) -> None:
    bench = Bench(
        benchmark=project.bench(),
        artefact=project.root,
        payloads=("a", "b"),
        expected=(1, 2),
        warm_up_s=0,
        verify_share=1,
        unseen=("c",),
        unseen_expected=(3,),
        fresh=("d", "e", "f"),
        fresh_expected=(4,),
    )
    assert bench.known[bench.first_fresh] == "d"
    assert len(bench.answers) == 4
    payloads, every = Payloads(bench), replace(PLAIN, unseen_share=1.0)
    assert payloads.order(every, 2, SEED).tolist() == [3, 4]
    sent = replace(fakes.requests([0, 1], [0, 1], [2, 3]), payload=np.array([3, 0]))
    payloads.sent(sent)
    assert payloads.order(every, 4, SEED).tolist() == [4, 5, 3, 4]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"popularity": "zipf"}, "'popularity' and 'exponent' go together"),
        ({"exponent": 1.0}, "'popularity' and 'exponent' go together"),
        ({"popularity": "zip", "exponent": 1.0}, "popularity"),
        ({"popularity": "zipf", "exponent": 0.0}, "exponent"),
        ({"unseen_share": 1.5}, "unseen_share"),
        ({"tracks": ("patterns",)}, "tracks"),
    ],
)
def test_what_no_profile_can_say(given: dict[str, object], wrong: str) -> None:
    usual = {"name": "p", "shape": "poisson", "duration_s": 1.0, "rate_per_s": 1.0}
    with pytest.raises(ValidationError, match=wrong):
        ProfileTable.model_validate(usual | given)


def test_a_profile_of_a_track_costs_others_nothing(project: Project) -> None:
    own = PROFILE.replace("steady", "repeats") + 'tracks = ["pattern"]\n'
    bench, variant = project.bench(profiles=PROFILE + own), project.variant()
    pattern = replace(variant, table=variant.table.model_copy(update={"track": "pattern"}))
    names = [p.name for p in plan.of_tracks(bench, [variant]).table.profile]
    assert names == ["steady"]
    assert plan.of_tracks(bench, [variant, pattern]) == bench


@pytest.mark.parametrize("name", ["sentiment", "iris", "noop"])
def test_benchmarks_repeat_before_they_saturate(name: str) -> None:
    (profile,) = (p for p in benchmarks()[name].table.profile if p.popularity)
    assert (profile.name, profile.tracks) == ("repeats", ("pattern",))
    assert benchmarks()[name].table.profile[-1].name == "saturated"
