"""The search for the best setting, on servers whose best setting is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analyse.tune import outcome as analysis
from harness.analyse.tune import tune_words
from harness.analyse.tune.outcome import TunedVariant
from harness.measure.tune import halving, proposals, trials
from harness.measure.tune.proposals import Scored
from harness.search import confirmed, enough
from harness.search.candidates import Outcome
from harness.setup.knobs import Setting
from harness.stored.tunings import TODAY as FIRST
from tests.tuned import BEST, SPACE, VARIANT, Noise, law, outcome, plan, runs_of

SEEDS = range(5)


def found(*arguments: object, **more: object) -> TunedVariant:
    tuning = plan(*arguments)  # type: ignore[arg-type]
    return analysis.of_runs(tuning, VARIANT, runs_of(tuning, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_best_setting_is_found_under_noise(seed: int) -> None:
    got = found(noise=Noise(0.08, seed))
    assert len(got.candidates) < proposals.size(SPACE), "not by trying everything"
    assert got.chosen is not None
    assert got.chosen.setting == BEST
    ratio = got.confirmed.ratio
    assert ratio is not None
    assert ratio.low < 4.0 < ratio.high, "700/s beside 175/s"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_memory_limit_moves_it_to_the_best_that_fits(seed: int) -> None:
    got = found(80, noise=Noise(0.08, seed))
    assert got.chosen is not None
    assert got.chosen.setting == {"workers": 1, "batch": 8}
    over = [candidate for candidate in got.candidates if candidate.setting["workers"] in (2, 3)]
    assert over
    assert {tune_words.reason(candidate, got) for candidate in over} == {"needs more than 80 MiB"}
    assert all(candidate.memory_bytes for candidate in over), "with what they needed"


def test_a_setting_that_the_server_refuses_is_a_failed_candidate_and_the_search_goes_on() -> None:
    got = found()
    refused = [candidate for candidate in got.candidates if candidate.setting["workers"] == 5]
    assert refused
    assert all(len(candidate.runs) == 1 for candidate in refused), "what fails is not tried again"
    assert tune_words.reason(refused[0], got) == "failed in launch: It ended with exit code 4."
    assert got.chosen is not None
    assert "failed; the reasons are beside them" in " ".join(tune_words.answer(got))


def test_what_was_chosen_is_measured_anew_in_turns_with_today() -> None:
    steps = [step for step, _ in runs_of(plan())]
    stages = [step.stage for step in steps]
    assert stages == sorted(stages, key=["explore", "sift", "confirm"].index)
    last = [step.candidate for step in steps if step.stage == "confirm"]
    best = max(last)
    assert last[:4] == [FIRST, best, best, FIRST]
    assert last.count(FIRST) == last.count(best) >= 3
    assert all(step.search_s == 16.0 for step in steps if step.stage != "explore")
    cells = [(step.candidate, step.round) for step in steps]
    assert len(set(cells)) == len(cells)


def test_luck_in_the_choice_is_not_in_the_answer() -> None:
    """Of settings that are all alike, the best looks better than today's until it is confirmed."""
    told, lucky = 0, 0.0
    for seed in range(20):
        got = found(None, 400.0, law=lambda _: outcome(100.0), noise=Noise(0.2, seed))
        explored = [t.outcomes[0].capacity or 0.0 for t in got.candidates]
        lucky += max(explored) / 100 / 20
        told += got.confirmed.told_apart
        ratio = got.confirmed.ratio
        assert ratio is not None
    assert lucky > 1.2
    assert told <= 3, "of 20 by chance, at 95 %"


def starts(budget_s: float, best: float, noise: float) -> int:
    space = {"workers": (1, 2)}
    asked = plan(budget_s=budget_s, space=space)

    def two(setting: Setting) -> Outcome:
        return outcome(best if setting["workers"] == 2 else 100.0)

    runs = runs_of(asked, {"workers": 1}, two, Noise(noise, 2))
    return sum(step.stage == "confirm" and step.candidate == FIRST for step, _ in runs)


def test_there_are_more_starts_while_they_are_not_told_apart_and_there_is_time() -> None:
    assert starts(3600, 200.0, 0.02) == 4, "the first look tells"
    assert starts(3600, 115.0, 0.2) == 12, "no look does"
    assert starts(400, 115.0, 0.2) == 7, "nor is there time for more"


def test_an_slo_that_no_setting_meets() -> None:
    def never(setting: Setting) -> Outcome:
        return replace(law(setting), capacity=None, low=None, failed="")

    got = found(law=never)
    assert got.chosen is None
    assert not any(candidate.confirming() for candidate in got.candidates), (
        "there is nothing to confirm"
    )
    (said,) = tune_words.answer(got)
    assert said.startswith(f"None of {len(got.candidates)} settings meets p95<50ms, errors<0.1%.")
    assert "The nearest was" in said
    assert "p95 was 10 ms at 20.0/s" in said


def test_memory_that_no_setting_fits_into() -> None:
    got = found(40)
    assert got.chosen is None
    (said,) = tune_words.answer(got)
    assert "fits into 40 MiB: the least that any needs is 60 MiB (workers 1, " in said


def test_todays_setting_may_be_the_best() -> None:
    got = found(today=BEST, noise=Noise(0.05, 1))
    assert got.chosen is not None
    assert got.chosen.setting == BEST
    assert next(tune_words.answer(got)).startswith("Keep today's setting (workers 2, batch 8): ")


def test_todays_setting_may_be_no_choice() -> None:
    got = found(today={"workers": 5, "batch": 1})
    assert got.chosen is not None
    assert got.chosen.setting == BEST
    assert got.confirmed.ratio is None
    said = next(tune_words.answer(got))
    assert said.endswith(
        "Today's setting is ruled out: it failed in launch: It ended with exit code 4."
    )


def test_a_setting_is_tried_again_where_the_host_disturbed_it() -> None:
    seen: list[Setting] = []

    def disturbed(setting: Setting) -> Outcome:
        seen.append(setting)
        return outcome(None, high=None, doubt="INVALID: stolen") if len(seen) == 1 else law(setting)

    got = found(law=disturbed)
    assert seen[:2] == [got.candidates[0].setting] * 2
    assert all(len(c.runs) == 1 for c in got.candidates if c.failed)
    assert got.confirmed.ratio is not None


def test_of_a_setting_that_is_in_doubt_to_the_end_nothing_is_said() -> None:
    def disturbed(setting: Setting) -> Outcome:
        if setting == {"workers": 1, "batch": 2}:
            return outcome(None, high=None, doubt="INVALID: stolen")
        return law(setting)

    got = found(law=disturbed)
    said = next(tune_words.answer(got))
    assert said.startswith("Keep workers 2, batch 8: 700/s")
    assert said.endswith("Nothing is known of today's setting: INVALID: stolen.")


def alike() -> TunedVariant:
    """A tune whose best setting is hardly better than today's."""

    def flat(setting: Setting) -> Outcome:
        return outcome(105.0 if setting == BEST else 100.0)

    got = found(law=flat, noise=Noise(0.03, 3))
    assert got.chosen is not None
    assert got.chosen.number == FIRST, "no reason to change anything"
    return got


@pytest.mark.parametrize(
    ("needed", "budget_s", "said"),
    [
        (12, 600.0, "it takes about 12 starts of each to tell: some "),
        (13, 600.0, "too small to be separated in reasonable time: these starts separate settings"),
        (None, 600.0, "too small to be separated in reasonable time: these starts separate"),
        (12, 12 * 3600.0 + 1, "too small to be separated in reasonable time: these starts"),
    ],
)
def test_what_is_not_told_apart_says_what_would_or_what_is(
    needed: int | None, budget_s: float, said: str
) -> None:
    got = alike()
    tuning = replace(got.tuning, budget_s=budget_s)
    got = replace(got, tuning=tuning, confirmed=replace(got.confirmed, needed=needed))
    answer = " ".join(tune_words.answer(got))
    assert "not separated by" in answer
    assert said in answer
    assert tune_words.in_reach(got) == ("starts of each to tell" in answer)


def test_what_the_starts_separate_is_the_width_of_the_ratios_interval() -> None:
    seen = alike().confirmed
    assert seen.ratio is not None
    resolved = seen.ratio.value / seen.ratio.low - 1
    assert seen.resolved == pytest.approx(resolved)
    assert f"differ by {enough.percent(resolved)} or more." in " ".join(tune_words.answer(alike()))


def test_starts_that_did_not_separate_them_are_not_said_to_be_enough() -> None:
    got = alike()
    today, best = got.today, got.best
    assert today is not None
    assert best is not None
    few = [replace(each, runs=each.runs[:-1]) for each in (today, best)]
    again = confirmed.of(few, few[1])
    assert again.needed is None or again.needed > min(again.starts.values())


def test_an_interrupted_tune_goes_on_as_if_nothing_had_been() -> None:
    noise = Noise(0.1, 5)
    whole = runs_of(plan(), noise=noise)
    for stored in (1, 7, len(whole) - 2):
        begun = runs_of(plan(), noise=noise, most=stored)
        assert runs_of(plan(), noise=noise, already=begun) == whole


@pytest.mark.parametrize("budget_s", [160, 240, 600, 1200])
def test_it_keeps_to_its_budget(budget_s: float) -> None:
    tuning = plan(budget_s=budget_s)
    runs = runs_of(tuning)
    spent_s = sum(seen.wall_s for _, seen in runs)
    assert spent_s <= budget_s
    assert spent_s > 0.6 * budget_s or budget_s == 1200
    assert sum(step.stage == "confirm" for step, _ in runs) >= 4


def test_the_shortest_tune_that_says_anything() -> None:
    one = halving.cost(8.0, (), known_s=10.0)
    assert (one.short_s, one.long_s) == (18.0, 26.0)
    assert halving.least_s(one, settings=24) == 3 * 18 + 4 * 26
    assert halving.least_s(one, settings=2) == 2 * 18 + 4 * 26
    assert halving.least_s(one, settings=24, tried=1) == 2 * 18 + 4 * 26


@pytest.mark.parametrize(("values", "tried"), [((1, 2), 2), ((1, 2, 3, 4), 3)])
def test_a_budget_that_is_too_short_names_the_settings_that_there_are(
    values: tuple[int, ...], tried: int
) -> None:
    tuning = replace(plan(budget_s=100.0), knobs={VARIANT: {"workers": values}})
    said = str(trials._too_short(tuning, [VARIANT], 133.0))
    assert f"on {VARIANT}: {tried} settings at least are to be tried, and today's and " in said
    assert "which takes about 133 s. Give --budget 150s or more" in said


def test_small_spaces_are_tried_whole() -> None:
    space = {"workers": (1, 2)}
    tuning = plan(space=space)
    runs = runs_of(tuning, today={"workers": 1}, law=lambda s: law({**s, "batch": 8}))
    assert {step.candidate for step, _ in runs} == {1, 2}
    got = analysis.of_runs(tuning, VARIANT, runs)
    assert got.chosen is not None
    assert got.chosen.setting == {"workers": 2}


def test_nothing_is_proposed_twice_and_everything_in_the_end() -> None:
    tried: list[Scored] = []
    while (setting := proposals.propose(SPACE, tried)) is not None:
        assert setting not in [each.setting for each in tried]
        tried.append(Scored(setting, None if len(tried) % 5 == 4 else float(len(tried))))
    assert len(tried) == proposals.size(SPACE) == 24


def test_what_is_no_choice_scores_below_all_that_are() -> None:
    def scored(one: Outcome) -> float | None:
        tuning = plan(80, space={"workers": (1, 2)})
        (run,) = runs_of(tuning, {"workers": 1}, lambda _: one, most=1)
        (candidate,) = analysis.of_runs(tuning, VARIANT, [run]).candidates
        return halving.score(candidate, tuning.memory_bytes)

    good, poor = scored(outcome(500.0)), scored(outcome(1.0))
    over, far_over, unmet = (
        scored(outcome(500, 90)),
        scored(outcome(500, 900)),
        scored(outcome(None)),
    )
    failed = scored(outcome(None, failed="ready: no"))
    values = [good, poor, over, far_over, unmet, failed]
    assert None not in values
    assert values == sorted(values, key=lambda value: -(value or 0.0))
    assert scored(outcome(None, doubt="INVALID: stolen")) is None


@pytest.mark.parametrize(
    ("starts", "seconds", "expected"),
    [(12, 43_200.0, True), (13, 1.0, False), (1, 43_200.5, False)],
)
def test_what_anyone_would_wait_for(starts: int, seconds: float, expected: bool) -> None:
    assert enough.is_reasonable(starts, seconds) is expected


@pytest.mark.parametrize(
    ("share", "said"), [(0.02, "2.0%"), (0.0999, "10.0%"), (0.1, "10%"), (1.5, "150%")]
)
def test_a_difference_in_words(share: float, said: str) -> None:
    assert enough.percent(share) == said
