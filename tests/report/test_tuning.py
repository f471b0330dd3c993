"""The section on a tune, and what it says of runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape

import pytest

from harness.analyse.cost import prices
from harness.analyse.field.comparison import compare
from harness.analyse.run import digest
from harness.analyse.tune import outcome as analysis
from harness.analyse.tune import tune_words
from harness.report.draw import memory_chart
from harness.report.page import page
from harness.report.page.sections import tuning as section
from harness.report.page.view import Report
from harness.search.candidates import Lowest, Outcome
from harness.setup import slo
from harness.setup.knobs import Setting
from harness.stored.records import Failure
from harness.stored.tunings import TuningStep
from harness.windows.kinds import WindowKind
from tests import fakes
from tests.fakes import Fake
from tests.report.campaigns import IMAGE, SCRIPT
from tests.tuned import VARIANT, Noise, digested, law, outcome, plan, runs_of


def report(**more: object) -> Report:
    asked = plan()
    stored = digested(asked, runs_of(asked, **more))  # type: ignore[arg-type]
    return Report(stored, tuple(compare(stored)), prices.load())


def test_a_campaign_that_is_no_tune_has_no_such_section() -> None:
    plain = report()
    campaign = replace(plain.campaign, tuning=None)
    without = replace(plain, digested=replace(plain.digested, campaign=campaign))
    assert section.tuning(without) is None


def test_the_section_has_the_answer_every_setting_and_what_each_knob_is_worth() -> None:
    made = report(noise=Noise(0.05, 2))
    values = section.tuning(made)
    assert values is not None
    (variant,) = values["variants"]
    assert variant["answer"][0].startswith("Keep workers 2, batch 8: ")
    assert "times (" in variant["answer"][0]
    assert [row[0] for row in variant["confirmed"]] == ["today's", "the best other"]
    assert variant["knobs"] == ["workers", "batch"]
    (chosen,) = [candidate for candidate in variant["candidates"] if candidate["chosen"]]
    assert chosen["values"] == [2, 8]
    assert any("failed in launch" in candidate["reason"] for candidate in variant["candidates"])
    assert variant["front"][0].startswith("60 MiB: ")
    assert variant["front"][-1].endswith("with workers 2, batch 8")


def test_the_page_shows_it_after_the_verdict() -> None:
    html = page.of_report(report())
    assert html.index('<section id="verdict"') < html.index('<section id="tuning"')
    text = unescape(html)
    assert "Keep workers 2, batch 8" in text
    assert "What each knob is worth" in text


def test_texts_of_others_stay_texts() -> None:
    def nasty(setting: Setting) -> Outcome:
        return (
            outcome(None, failed=f"launch: {SCRIPT}")
            if setting["mode"]
            else law({"workers": 1, "batch": 1})
        )

    asked = plan(space={"mode": ("", SCRIPT, IMAGE)})
    stored = digested(asked, runs_of(asked, today={"mode": ""}, law=nasty))
    html = page.of_report(Report(stored, tuple(compare(stored)), prices.load()))
    assert SCRIPT not in html
    assert IMAGE not in html
    assert SCRIPT in unescape(html)


def test_a_run_is_judged_by_its_search_its_memory_and_its_findings() -> None:
    fake = Fake("some", capacity_per_s=300.0, memory_mib=240.0)
    run = fakes.run(fake)
    campaign = fakes.campaign([fake], 1)
    found = analysis.judge(run, campaign)
    assert found.capacity == pytest.approx(300, rel=0.1)
    assert found.memory_bytes == 240 << 20
    assert (found.failed, found.doubt) == ("", "")
    assert found.wall_s == pytest.approx(18.22)
    wrong = fakes.run(replace(fake, wrong=3))
    assert analysis.judge(wrong, campaign).capacity is None
    assert analysis.judge(wrong, campaign).doubt.startswith("INVALID: ")
    failed = fakes.run(replace(fake, failure=Failure("ready", "It never was.")))
    judged = analysis.judge(failed, campaign)
    assert (judged.failed, judged.doubt, judged.capacity) == ("ready: It never was.", "", None)


def test_the_memory_is_the_most_of_all_windows() -> None:
    run = fakes.run(Fake("some", memory_mib=100.0))
    more = fakes.run(Fake("some", memory_mib=160.0))
    assert analysis.peak_bytes(fakes.having(run, WindowKind.PROBE, more.windows)) == 160 << 20


def worths(law: Callable[[Setting], Outcome], noise: float) -> dict[str, str]:
    asked = plan(space={"workers": (1, 2), "batch": (2, 8), "colour": ("red", "green")})
    today: Setting = {"workers": 1, "batch": 2, "colour": "red"}
    runs = runs_of(asked, today=today, law=law, noise=Noise(noise, 4))
    return {
        worth.knob: tune_words.worth(worth)
        for worth in analysis.of_runs(asked, VARIANT, runs).worth
    }


def test_what_a_knob_is_worth_and_what_noise_covers() -> None:
    found = worths(law, 0.05)
    assert list(found)[-1] == "colour"
    assert found["workers"].startswith("workers: 2 in place of today's 1 is worth ")
    assert found["batch"].startswith("batch: 8 in place of today's 2 is worth ")
    assert found["colour"].startswith("colour: no value is separated from today's red (")


def test_a_trace_more_memory_is_no_price() -> None:
    sizes = {1: (100, 60), 2: (200, 61), 3: (300, 90), 4: (250, 200)}
    asked = plan(space={"workers": (1, 2, 3, 4)})
    runs = runs_of(asked, {"workers": 1}, lambda s: outcome(*sizes[int(s["workers"])]))
    found = analysis.of_runs(asked, VARIANT, runs)
    assert [candidate.setting for candidate in found.front] == [{"workers": 2}, {"workers": 3}]


def test_capacity_is_drawn_against_memory_with_the_front_rising_to_the_right() -> None:
    sizes = {1: (100, 60), 2: (200, 61), 3: (300, 90), 4: (250, 200)}
    asked = plan(space={"workers": (1, 2, 3, 4)})
    runs = runs_of(asked, {"workers": 1}, lambda s: outcome(*sizes[int(s["workers"])]))
    chart = memory_chart.memory(analysis.of_runs(asked, VARIANT, runs))
    assert chart is not None
    assert "workers 3 90 MiB, 300/s" in unescape(chart.svg)
    (path,) = re.findall(r'<path class="front" d="M([\d.]+ [\d.]+)([^"]*)"', chart.svg)
    across = [float(at) for at in re.findall(r"H([\d.]+)", path[1])]
    heights = [float(path[0].split()[1]), *map(float, re.findall(r"V([\d.]+)", path[1]))]
    assert across == sorted(across)
    assert heights == sorted(heights, reverse=True), "up on the page is down in its numbers"
    assert len(heights) == 3  # from below, to workers 2, to workers 3


def test_one_setting_is_no_picture() -> None:
    asked = plan(space={"workers": (1, 2)})
    runs = runs_of(asked, {"workers": 1}, lambda s: outcome(100 if s["workers"] == 1 else None, 60))
    assert memory_chart.memory(analysis.of_runs(asked, VARIANT, runs)) is None


def test_settings_of_which_nothing_is_known_are_counted() -> None:
    def half(setting: Setting) -> Outcome:
        return outcome(None, doubt="INVALID: stolen") if setting["workers"] == 3 else law(setting)

    asked = plan()
    found = analysis.of_runs(asked, VARIANT, runs_of(asked, law=half))
    assert any(c.doubt for c in found.candidates)
    assert ": the reasons are beside them." in " ".join(tune_words.answer(found))


def test_no_setting_is_worth_anything_while_none_is_known() -> None:
    got = analysis.of_runs(plan(), VARIANT, [])
    assert (got.worth, got.chosen, got.front) == ((), None, ())
    assert next(tune_words.answer(got)) == (
        "Nothing is known: none of 0 settings gave a result. If that is due to doubtful runs, a "
        "longer --search and a quieter machine may help."
    )


def test_a_setting_that_held_the_slo_in_one_of_two_starts_is_told_by_the_other() -> None:
    """The one that held it would be no reason: "0% of the requests were over the limit"."""
    asked = plan(space={"workers": (1, 2)})
    outcomes = (outcome(100, lowest=Lowest(20.0, 0.0, None)), not_held(0.004), not_held(0.13))
    runs = [
        (
            TuningStep(
                variant=VARIANT,
                candidate=2,
                setting={"workers": 2},
                stage="explore",
                round=number,
                search_s=8.0,
            ),
            found,
        )
        for number, found in enumerate(outcomes, 1)
    ]
    found = analysis.of_runs(asked, VARIANT, runs)
    assert tune_words.reason(found.candidates[0], found) == (
        f"does not meet {asked.slo} in 2 of 3 starts: 0.4% of the requests were over the limit at "
        "10.0/s"
    )


def not_held(over: float) -> Outcome:
    return outcome(None, lowest=Lowest(10.0, over, None))


def test_a_damaged_run_is_named() -> None:
    made = report().digested
    (first, *_), campaign = made.digests, made.campaign
    outcomes = {d.cell: d.tried for d in made.digests if d is not first}
    (found,) = analysis.of_campaign(campaign, outcomes, {first.cell: "It was edited."})
    assert "It was edited." in list(tune_words.answer(found))


def test_the_slo_is_the_one_that_was_asked_for() -> None:
    assert str(slo.parse(plan().slo)) == plan().slo
    assert digest.tuned(report().digested)[0].tuning.slo == plan().slo
