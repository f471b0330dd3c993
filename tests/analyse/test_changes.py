"""What is said of two campaigns whose difference is known."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.analyse.regression import changes, noise
from harness.analyse.regression.differences import Change, Changes
from harness.analyse.regression.gate import Judgement, Wanted
from harness.analyse.regression.judging import ACCUSING
from harness.analyse.run import digest
from harness.analyse.run.digested import Digested
from harness.analyse.run.findings import RUN_RULES, WINDOW_RULES
from harness.base.errors import UsageError
from harness.stored import store
from harness.stored.records import Campaign, Failure
from harness.stored.revisions import Revision
from harness.windows.profiles import Profile
from tests.cells import cell_of
from tests.fakes import Fake, campaign, run, stored_campaign

BROKEN = Failure("ready", "It never was.")
MAIN = Revision("main", "c" * 40)


def store_one(
    folder: Path, fakes: list[Fake], rounds: int = 3, change: Callable[..., Any] = lambda c: c
) -> Path:
    plan = change(campaign(fakes, rounds, id=folder.name))
    return stored_campaign(folder, fakes, plan=plan)


def compared(
    tmp_path: Path,
    base: list[Fake],
    new: list[Fake],
    rounds: int = 3,
    wanted: Wanted | None = None,
    renamed: dict[str, str] | None = None,
) -> Changes:
    one, two = (
        digest.of_campaign(store_one(tmp_path / name, fakes, rounds))
        for name, fakes in (("base", base), ("new", new))
    )
    return changes.of_campaigns(one, two, wanted or Wanted(), renamed or {})


def row(found: Changes, metric: str, variant: str = "a") -> Change:
    (only,) = (r for r in found.rows if (r.variant, r.metric.name) == (variant, metric))
    return only


def verdicts(found: Changes, variant: str = "a") -> dict[str, Judgement]:
    return {r.metric.name: r.verdict for r in found.rows if r.variant == variant}


def test_a_campaign_beside_itself_is_the_same(tmp_path: Path) -> None:
    found = compared(tmp_path, [Fake("a")], [Fake("a")])
    assert set(verdicts(found).values()) == {Judgement.SAME}
    assert found.regressions == ()
    assert found.why_not == ()


def test_a_slower_one_is_worse_in_what_it_is_slower_in(tmp_path: Path) -> None:
    found = compared(tmp_path, [Fake("a", 8.0)], [Fake("a", 10.0)])
    said = verdicts(found)
    assert said["latency_p50"] is said["latency_p95"] is said["throughput"] is Judgement.WORSE
    assert said["memory"] is said["error_rate"] is Judgement.SAME
    p50 = row(found, "latency_p50")
    assert p50.ratio is not None
    assert p50.ratio.ratio == pytest.approx(1.25, rel=0.02)
    assert p50.ratio.low > 1.05
    assert p50 in found.regressions
    back = compared(tmp_path / "back", [Fake("a", 10.0)], [Fake("a", 8.0)])
    assert verdicts(back)["latency_p50"] is verdicts(back)["throughput"] is Judgement.BETTER
    assert back.regressions == ()


def test_where_rounds_disagree_nobody_can_tell(tmp_path: Path) -> None:
    found = compared(tmp_path, [Fake("a", 8.0, drift=0.3)], [Fake("a", 9.0, drift=-0.3)])
    assert verdicts(found)["latency_p50"] is Judgement.UNSURE
    assert "latency_p50" not in {change.metric.name for change in found.regressions}


def test_one_round_tells_nothing(tmp_path: Path) -> None:
    found = compared(tmp_path, [Fake("a", 8.0)], [Fake("a", 20.0)], rounds=1)
    assert set(verdicts(found).values()) == {Judgement.UNSURE}
    assert "one round" in row(found, "latency_p50").note


def test_only_what_is_beyond_the_least_effect(tmp_path: Path) -> None:
    sides = ([Fake("a", 8.0)], [Fake("a", 10.0)])
    found = compared(tmp_path / "all", *sides, wanted=Wanted(every=0.5))
    assert found.regressions == ()
    assert verdicts(found)["latency_p50"] is Judgement.SAME
    found = compared(tmp_path / "one", *sides, wanted=Wanted(of={"latency_p50": 0.5}))
    names = {change.metric.name for change in found.regressions}
    assert "latency_p50" not in names
    assert "throughput" in names


def test_what_the_reference_did_was_the_host(tmp_path: Path) -> None:
    base = [Fake("in-process", 4.0, reference=True), Fake("a", 8.0), Fake("b", 8.0)]
    new = [Fake("in-process", 5.0, reference=True), Fake("a", 9.6), Fake("b", 16.0)]
    found = compared(tmp_path, base, new)
    assert verdicts(found, "in-process")["latency_p50"] is Judgement.WORSE
    assert verdicts(found, "a")["latency_p50"] is Judgement.UNSURE
    assert row(found, "latency_p50", "a").smallest == pytest.approx(0.25, abs=0.03)
    assert verdicts(found, "b")["latency_p50"] is Judgement.WORSE
    assert {change.variant for change in found.regressions} == {"b"}


def test_errors_that_were_none(tmp_path: Path) -> None:
    found = compared(tmp_path, [Fake("a")], [Fake("a", errors=0.04)])
    errors = row(found, "error_rate")
    assert errors.verdict is Judgement.WORSE
    assert errors.ratio is not None
    assert errors.ratio.ratio == pytest.approx(0.96, abs=0.01)
    assert "did not fail" in errors.note


def test_a_variant_that_broke(tmp_path: Path) -> None:
    found = compared(tmp_path, [Fake("a"), Fake("b")], [Fake("a", failure=BROKEN), Fake("b")])
    assert verdicts(found) == {"outcome": Judgement.WORSE}
    assert [change.metric.name for change in found.regressions] == ["outcome"]
    assert "It never was." in row(found, "outcome").note
    back = compared(tmp_path / "back", [Fake("a", failure=BROKEN)], [Fake("a")])
    assert verdicts(back) == {"outcome": Judgement.BETTER}


def test_a_round_that_failed_is_told_and_the_others_compared(tmp_path: Path) -> None:
    once = Fake("a", failure=BROKEN, fails_in=frozenset({2}))
    found = compared(tmp_path, [Fake("a")], [once])
    assert verdicts(found)["outcome"] is Judgement.UNSURE
    assert "1 of 3 rounds" in row(found, "outcome").note
    p50 = row(found, "latency_p50")
    assert p50.ratio is not None
    assert p50.ratio.rounds == 2
    assert found.regressions == ()


def test_what_the_generator_did_accuses_nobody(tmp_path: Path) -> None:
    found = compared(tmp_path, [Fake("a")], [Fake("a", lag_ms=6.0)])
    assert verdicts(found) == {"outcome": Judgement.UNSURE}
    wrong = compared(tmp_path / "wrong", [Fake("a")], [Fake("a", wrong=1)])
    assert verdicts(wrong) == {"outcome": Judgement.WORSE}
    assert {*RUN_RULES, *WINDOW_RULES} >= ACCUSING


def test_a_capacity_that_is_gone_or_has_no_end(tmp_path: Path) -> None:
    sides = ([Fake("a", capacity_per_s=80.0)], [Fake("a", capacity_per_s=120.0)])
    assert verdicts(compared(tmp_path, *sides))["capacity"] is Judgement.BETTER


def test_a_renamed_variant(tmp_path: Path) -> None:
    sides = (
        [Fake("old"), Fake("old", launcher="docker")],
        [Fake("a"), Fake("a", launcher="docker")],
    )
    assert "--rename OLD=NEW" in compared(tmp_path / "1", *sides).why_not[0]
    found = compared(tmp_path / "2", *sides, renamed={"old": "a"})
    assert {change.variant for change in found.rows} == {"a", "a@docker"}
    with pytest.raises(UsageError, match=r"no variant of base 'odl'.* 'old'"):
        compared(tmp_path / "3", *sides, renamed={"odl": "a"})


def test_what_is_in_one_alone_is_said(tmp_path: Path) -> None:
    found = compared(tmp_path, [Fake("a"), Fake("gone")], [Fake("a"), Fake("added")])
    assert "only in base: gone on sentiment" in found.notes
    assert "only in new: added on sentiment" in found.notes


def test_only_what_is_asked_for(tmp_path: Path) -> None:
    sides = ([Fake("a"), Fake("b", track="tuned")], [Fake("a"), Fake("b")])
    assert compared(tmp_path / "1", *sides).why_not == ("other track of b: tuned and matched",)
    found = compared(tmp_path / "2", *sides, wanted=Wanted(variants=frozenset({"a"})))
    assert {change.variant for change in found.rows} == {"a"}


def _benchmark(**values: Any) -> Callable[[Campaign], Campaign]:
    return lambda c: replace(
        c, benchmarks={name: replace(facts, **values) for name, facts in c.benchmarks.items()}
    )


def _profiles(**values: Any) -> Callable[[Campaign], Campaign]:
    def change(plan: Campaign) -> Campaign:
        steady, *rest = plan.benchmarks["sentiment"].profiles
        return _benchmark(profiles=(replace(steady, **values), *rest))(plan)

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: replace(c, environment={"machine": "Other"}), "other machine: Imaginary"),
        (lambda c: replace(c, preset="quick"), "other preset: standard and quick"),
        (lambda c: replace(c, driver="locust"), "other driver: native and locust"),
        (lambda c: replace(c, device="gpu"), "other device: cpu and gpu"),
        (lambda c: replace(c, server_cpus=(0,)), "other number of server CPUs: 2 and 1"),
        (_benchmark(version=2), "other version of sentiment: 1 and 2"),
        (_benchmark(payloads=9), "other number of payloads of sentiment: 64 and 9"),
        (_benchmark(slo="p99<9ms"), "other SLO of sentiment: p99<50ms and p99<9ms"),
        (
            _benchmark(artefact={"accuracy": 0.5}),
            "other model of sentiment: the measurements of its build",
        ),
        (_benchmark(artefact={"synthetic": True}), "real weights and synthetic weights"),
        (_benchmark(capacity_s=9.0), "other time for the search on sentiment: 0.0 and 9.0"),
        (_profiles(duration_s=9.0), "other duration of steady of sentiment: 10.0 and 9.0"),
        (_profiles(rate_per_s=150.0), "other rate of steady of sentiment: 120.0/s and 150.0/s"),
        (_profiles(name="other"), "other profiles of sentiment: steady, saturated and other"),
    ],
)
def test_what_is_not_comparable_is_refused_by_name(
    tmp_path: Path, change: Callable[[Campaign], Campaign], reason: str
) -> None:
    base, new = (
        digest.of_campaign(store_one(tmp_path / name, [Fake("a")], 2, how))
        for name, how in (("base", lambda c: c), ("new", change))
    )
    found = changes.of_campaigns(base, new, Wanted(), {})
    assert any(reason in why for why in found.why_not), found.why_not
    assert found.rows == ()


def test_every_reason_is_named(tmp_path: Path) -> None:
    def both(plan: Campaign) -> Campaign:
        return _benchmark(version=2, content="two")(replace(plan, preset="quick"))

    one = store_one(tmp_path / "base", [Fake("a")], 2, _benchmark(content="one"))
    two = store_one(tmp_path / "new", [Fake("a", track="tuned")], 2, both)
    found = changes.of_campaigns(digest.of_campaign(one), digest.of_campaign(two), Wanted(), {})
    assert [reason.partition(":")[0] for reason in found.why_not] == [
        "other preset",
        "other version of sentiment",
        "other content of sentiment",
        "other track of a",
    ]


def test_rates_a_little_apart_are_compared_but_not_paired(tmp_path: Path) -> None:
    base = store_one(tmp_path / "base", [Fake("a", 8.0)], 2)
    new = store_one(tmp_path / "new", [Fake("a", 8.0)], 2, _profiles(rate_per_s=125.0))
    found = changes.of_campaigns(digest.of_campaign(base), digest.of_campaign(new), Wanted(), {})
    assert found.why_not == ()
    assert any("120.0/s and 125.0/s; requests are not paired" in note for note in found.notes)
    assert verdicts(found)["latency_p50"] is Judgement.SAME


def test_an_interrupted_campaign_is_compared_as_far_as_it_is(tmp_path: Path) -> None:
    base = store_one(tmp_path / "base", [Fake("a", 8.0)])
    new = store_one(tmp_path / "new", [Fake("a", 10.0)])
    shutil.rmtree(store.cell_folder(new, cell_of("a", "sentiment", 3)))
    (store.cell_folder(base, cell_of("a", "sentiment", 1)) / "server.log").write_text("edited")
    found = changes.of_campaigns(digest.of_campaign(base), digest.of_campaign(new), Wanted(), {})
    p50 = row(found, "latency_p50")
    assert p50.ratio is not None
    assert p50.ratio.rounds == 1
    assert any("new was not finished: 1 of 3 cells" in note for note in found.notes)
    (damaged,) = found.damaged
    assert damaged.startswith("a on sentiment, round 1: ")


def test_nothing_finished(tmp_path: Path) -> None:
    done = digest.of_campaign(store_one(tmp_path / "base", [Fake("a")], 1))
    store.write_campaign(tmp_path / "empty", campaign([Fake("a")], 1, id="empty"))
    empty = digest.of_campaign(tmp_path / "empty")
    for sides in ((done, empty), (empty, done)):
        with pytest.raises(UsageError, match=r"empty has no finished run.*--resume empty"):
            changes.of_campaigns(*sides, Wanted(), {})


def revisions(folder: Path, *fakes: Fake, rounds: int = 4) -> Digested:
    def against(plan: Campaign) -> Campaign:
        return replace(plan, against=MAIN)

    return digest.of_campaign(store_one(folder, [*fakes], rounds, against))


def test_two_revisions_in_one_campaign(tmp_path: Path) -> None:
    found = changes.of_revisions(
        revisions(
            tmp_path / "c",
            Fake("in-process", 4.0, reference=True, content="floor"),
            Fake("in-process", 4.0, reference=True, content="floor", revision="main"),
            Fake("a", 10.0, content="now"),
            Fake("a", 8.0, content="then", revision="main"),
            Fake("added", 9.0),
        ),
        Wanted(),
    )
    assert (found.base, found.new) == ("main", "this revision")
    assert {change.variant for change in found.rows} == {"in-process", "a"}
    p50 = row(found, "latency_p50")
    assert p50.verdict is Judgement.WORSE
    assert p50.regression
    assert p50.ratio is not None
    assert p50.ratio.ratio == pytest.approx(1.25, rel=0.03)
    shown = {each.metric.name: each for each in found.shown}
    assert shown["latency_p50"].source == noise.BESIDE
    assert shown["latency_p50"].smallest is not None
    assert shown["latency_p50"].smallest < 0.2
    assert "this is chance" in row(found, "latency_p50", "in-process").note


def test_what_has_no_changed_file_stops_no_gate(tmp_path: Path) -> None:
    sides = (Fake("a", 16.0, content="same"), Fake("a", 8.0, content="same", revision="main"))
    found = changes.of_revisions(revisions(tmp_path / "c", *sides), Wanted())
    assert found.regressions == ()
    assert not row(found, "latency_p50").gates


def test_a_noisy_metric_stops_a_gate_only_from_far_on(tmp_path: Path) -> None:
    sides = (
        Fake("b", 8.0, drift=0.9, content="s"),
        Fake("b", 8.0, drift=-0.9, content="s", revision="main"),
    )
    fakes = (*sides, Fake("a", 16.0, content="x"), Fake("a", 8.0, content="y", revision="main"))
    found = changes.of_revisions(revisions(tmp_path / "near", *fakes), Wanted())
    shown = {each.metric.name: each for each in found.shown}
    p50, memory = shown["latency_p50"], shown["memory"]
    assert p50.stops_from is not None
    assert p50.stops_from == p50.smallest
    assert p50.stops_from > 1.0
    assert memory.stops_from == 0.05
    assert row(found, "latency_p50").verdict is Judgement.UNSURE
    far = (*sides, Fake("a", 800.0, content="x"), Fake("a", 8.0, content="y", revision="main"))
    found = changes.of_revisions(revisions(tmp_path / "far", *far), Wanted())
    assert row(found, "latency_p50") in found.regressions


def test_noise_from_another_campaign(tmp_path: Path) -> None:
    def sides(content: str) -> tuple[Fake, Fake]:
        return Fake("a", 8.0, content="x"), Fake("a", 8.0, content=content, revision="main")

    ours = revisions(tmp_path / "ours", *sides("y"), rounds=2)
    assert {s.source for s in changes.of_revisions(ours, Wanted()).shown} == {noise.NEXT_ROUND}
    other = revisions(tmp_path / "other", *sides("x"), rounds=6)
    found = changes.of_revisions(ours, Wanted(), [other])
    assert noise.BESIDE in {shown.source for shown in found.shown}
    plain = digest.of_campaign(store_one(tmp_path / "plain", [Fake("a")], 2))
    with pytest.raises(UsageError, match=r"can.t be used: it was not run with --against"):
        changes.of_revisions(ours, Wanted(), [plain])


def test_one_revision_alone(tmp_path: Path) -> None:
    alone = digest.of_campaign(store_one(tmp_path / "c", [Fake("a")], 1))
    with pytest.raises(UsageError, match="not run with --against"):
        changes.of_revisions(alone, Wanted())
    (gone,) = changes.of_revisions(revisions(tmp_path / "d", Fake("a")), Wanted()).why_not
    assert gone == "no variant ran in both revisions"


def test_requests_are_paired_where_they_are_the_same(tmp_path: Path) -> None:
    """Uneven requests have uneven times, which cancel out request by request."""
    short = (Profile("steady", "poisson", 1.0, rate_per_s=60.0),)
    base, new = ([Fake("a", median, jitter=2.0, profiles=short)] for median in (8.0, 8.8))
    folders = []
    for name, (fake,) in (("base", base), ("new", new)):
        plan = campaign([fake], 4, id=name)
        facts = replace(plan.benchmarks["sentiment"], profiles=short)
        plan = replace(plan, benchmarks={"sentiment": facts})
        store.write_campaign(tmp_path / name, plan)
        for cell in plan.cells:
            store.write_run(tmp_path / name, run(fake, cell.round, campaign=name))
        folders.append(tmp_path / name)
    one, two = map(digest.of_campaign, folders)
    found = changes.of_campaigns(one, two, Wanted(), {})
    p50 = row(found, "latency_p50")
    assert p50.ratio is not None
    assert p50.ratio.ratio == pytest.approx(1.10, rel=0.01)
    assert p50.ratio.high - p50.ratio.low < 0.01
