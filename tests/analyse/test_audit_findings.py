"""What is said of servers that may not predict each time, on both sides of each limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.analyse.run import findings
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Verdict
from harness.analyse.statistics import stats
from harness.setup.answering import COMPUTED, REFUSED, STORED, Missing
from harness.stored.records import Run, Window
from harness.windows import audit
from harness.windows.kinds import WindowKind
from harness.windows.marks import MARKS, Marks
from harness.windows.profiles import Profile
from harness.windows.samples import Calls, calls_of
from tests import fakes

STEADY = Profile("steady", "constant", 10.0, rate_per_s=100.0)
AUDIT = Profile("audit", "closed", 2.0, concurrency=1)
FROM_A_CACHE, EARLY = "answers-from-a-cache", "answers-before-predicting"
UNSEEN, SHORT, NOTHING = "fails-on-unseen", "audit-too-short", "stores-nothing"
NAMES = (FROM_A_CACHE, EARLY, UNSEEN, SHORT, NOTHING)


def said(run: Run) -> list[tuple[str, Verdict, str]]:
    found = findings.of_run(RunContext(run=run))
    return [(f.name, f.verdict, f.message) for f in found if f.name in NAMES]


def names(run: Run) -> list[str]:
    return [name for name, _, _ in said(run)]


def declared(run: Run, misses: Missing = COMPUTED) -> Run:
    """The same of a server that declares stored answers."""
    server = replace(run.facts.server, answers=STORED, misses=misses)
    return replace(run, facts=replace(run.facts, server=server))


def calls(end_ms: Any, batch: Sequence[int] | None = None) -> Calls:
    ends = np.round(np.asarray(end_ms, float) * 1e6).astype(np.int64)
    sizes = np.ones(len(ends), np.int64) if batch is None else np.array(batch, np.int64)
    duration = np.full(len(ends), 1_000_000, np.int64)
    return calls_of(ends - duration, duration, sizes, np.zeros(len(ends), np.int64))


def loaded(answered_ms: Sequence[float], predicted: Calls, errors: int = 0) -> Run:
    """A run of one window; the predictor was seen from the inside."""
    sent = [moment - 5 for moment in answered_ms]
    error = ["timeout"] * errors + [""] * (len(answered_ms) - errors)
    run = fakes.exact_run((STEADY, fakes.requests(sent, sent, list(answered_ms), error)))
    (window,) = run.windows
    facts = replace(run.facts, model_threads=(1,))
    return replace(run, facts=facts, windows=(replace(window, calls=predicted),))


def audited(
    first_ms: float,
    again_ms: float,
    known_ms: float,
    blocks: int = 32,
    sigma: float = 0.0,
    errors: dict[int, str] | None = None,
) -> Run:
    """A run with an audit of such service times."""
    rng = np.random.default_rng(7)
    block = np.repeat([first_ms, again_ms, known_ms], audit.BLOCK)
    taken = np.tile(block, blocks) * rng.lognormal(0, sigma, blocks * len(block))
    ends = np.cumsum(taken)
    error = [(errors or {}).get(row, "") for row in range(len(taken))]
    columns = fakes.requests(None, list(ends - taken), list(ends), error)
    run = fakes.exact_run((AUDIT, columns))
    window: Window = run.windows[0]
    return fakes.of_windows(run, window.of_kind(WindowKind.AUDIT))


ANSWERED = list(np.arange(100) * 10.0 + 20)


# --- what the predictor itself has seen ---------------------------------------------------------


def test_a_prediction_for_each_answer_is_as_it_should_be() -> None:
    assert said(loaded(ANSWERED, calls(np.array(ANSWERED) - 1))) == []


def test_batches_count_by_their_instances() -> None:
    ends = [ANSWERED[place] - 1 for place in range(0, 100, 4)]
    assert said(loaded(ANSWERED, calls(ends, [4] * 25))) == []


def test_fewer_predictions_than_answers_come_from_a_cache() -> None:
    run = loaded(ANSWERED, calls(np.array(ANSWERED[:40]) - 1))
    assert said(run) == [
        (
            FROM_A_CACHE,
            Verdict.INVALID,
            "it answers from a cache: 100 answers in the window 'steady' had 40 predictions",
        )
    ]


def test_no_prediction_at_all_is_no_excuse() -> None:
    assert names(loaded(ANSWERED, calls([]))) == [FROM_A_CACHE]


def test_one_lost_record_is_none() -> None:
    assert said(loaded(ANSWERED, calls(np.array(ANSWERED[1:]) - 1))) == []
    assert names(loaded(ANSWERED, calls(np.array(ANSWERED[2:]) - 1))) == [FROM_A_CACHE]


def test_requests_that_failed_need_no_prediction() -> None:
    assert said(loaded(ANSWERED, calls(np.array(ANSWERED[30:]) - 1), errors=30)) == []


def test_predictions_that_come_after_their_answers_are_too_late() -> None:
    run = loaded(ANSWERED, calls(np.array(ANSWERED) + 25))
    assert said(run) == [
        (
            EARLY,
            Verdict.INVALID,
            "it answers before it has predicted: up to 3 of 100 answers in the window 'steady' "
            "were ahead of its predictions",
        )
    ]


def test_where_nobody_sees_the_predictor_nothing_is_said() -> None:
    run = loaded(ANSWERED, calls([]))
    assert said(replace(run, facts=replace(run.facts, model_threads=()))) == []
    server = replace(run.facts.server, reference=True)
    assert said(replace(run, facts=replace(run.facts, server=server))) == []


def test_what_a_smaller_model_answers_needs_no_prediction_where_that_is_declared() -> None:
    run = loaded(ANSWERED, calls(np.array(ANSWERED[40:]) - 1))
    rows = np.arange(100)
    told = Marks(
        request=rows,
        mark=np.full(100, MARKS.index("local"), np.int64),
        value=(rows < 40).astype(np.int64),
    )
    run = replace(run, windows=(replace(run.windows[0], marks=told),))
    assert names(run) == [FROM_A_CACHE]
    server = replace(run.facts.server, answers="approximate")
    run = replace(run, facts=replace(run.facts, server=server))
    assert names(run) == []
    more = replace(told, value=(rows < 30).astype(np.int64))
    assert names(replace(run, windows=(replace(run.windows[0], marks=more),))) == [FROM_A_CACHE]
    told = replace(told, value=np.ones(100, np.int64))
    all_local = replace(run.windows[0], marks=told, calls=calls([]))
    assert names(replace(run, windows=(all_local,))) == []


def test_probes_and_the_audit_are_looked_at_too() -> None:
    honest = loaded(ANSWERED, calls(np.array(ANSWERED) - 1))
    cheating = loaded(ANSWERED, calls([])).windows[0]
    assert names(fakes.having(honest, WindowKind.PROBE, [cheating])) == [FROM_A_CACHE]
    assert names(fakes.having(honest, WindowKind.AUDIT, [cheating])) == [FROM_A_CACHE]


# --- the audit's times --------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.0, 0.1, 0.5, 2.0])
def test_a_server_that_takes_as_long_each_time_is_not_accused(sigma: float) -> None:
    assert said(audited(5.0, 5.0, 5.0, sigma=sigma)) == []


def test_a_little_faster_the_second_time_is_no_cache() -> None:
    assert said(audited(5.0, 4.6, 4.6, sigma=0.05)) == []


@pytest.mark.parametrize("sigma", [0.0, 0.3])
def test_much_faster_the_second_time_is_one(sigma: float) -> None:
    (found,) = said(audited(5.0, 1.0, 5.0, sigma=sigma))
    assert found[:2] == (FROM_A_CACHE, Verdict.INVALID)
    if not sigma:
        assert found[2] == (
            "it answers from a cache: unseen payloads took 5.00 ms, the same, asked again, 1.00 ms "
            "(over 10% faster in 32 of 32 blocks)"
        )


def test_so_is_a_table_of_what_is_known() -> None:
    (found,) = said(audited(5.0, 5.0, 1.0))
    assert "known ones 1.00 ms" in found[2]


def test_slower_the_second_time_is_nothing() -> None:
    assert said(audited(1.0, 5.0, 5.0)) == []


def test_few_pairs_tell_nothing_and_that_is_said() -> None:
    assert names(audited(5.0, 1.0, 5.0, blocks=10)) == [FROM_A_CACHE]
    run = audited(5.0, 1.0, 5.0, blocks=10, errors={0: "timeout"})
    assert names(run) == [UNSEEN, SHORT], "a block without both answers does not count"
    assert [verdict for _, verdict, _ in said(run)] == [Verdict.WARNING, Verdict.NOTE]


def test_a_run_without_an_audit_says_nothing() -> None:
    assert said(fakes.run(fakes.Fake())) == []


# --- the audit's answers ------------------------------------------------------------------------


def test_wrong_answers_to_unseen_payloads() -> None:
    wrong = dict.fromkeys([0, 1, 2, 10], "wrong_answer")
    (found,) = said(audited(5.0, 5.0, 5.0, errors=wrong))
    assert found == (
        UNSEEN,
        Verdict.INVALID,
        "4 of 192 answers in the audit are not the reference's, 3 of them for unseen payloads",
    )


@pytest.mark.parametrize(("count", "verdict"), [(9, Verdict.WARNING), (10, Verdict.INVALID)])
def test_requests_of_the_audit_that_fail(count: int, verdict: Verdict) -> None:
    (found,) = said(audited(5.0, 5.0, 5.0, errors=dict.fromkeys(range(count), "status")))
    assert found == (UNSEEN, verdict, f"{count} of 192 requests of the audit failed: status")


def test_the_sign_test() -> None:
    assert stats.by_chance(0, 10) == 1.0
    assert stats.by_chance(10, 10) == pytest.approx(2**-10)
    assert stats.by_chance(9, 10) == pytest.approx(11 * 2**-10)


# --- what is declared to be stored --------------------------------------------------------------


def test_a_declared_cache_is_as_expected() -> None:
    assert said(declared(audited(5, 1, 1))) == []
    assert said(declared(loaded(ANSWERED, calls([])))) == []
    assert FROM_A_CACHE in names(audited(5, 1, 1)), "one that is not declared is found"


def test_a_declared_cache_that_is_none_is_told() -> None:
    assert said(declared(audited(5, 5, 5))) == [
        (
            NOTHING,
            Verdict.WARNING,
            "it declares stored answers, but payloads that it knows took as long as unseen ones",
        )
    ]


def test_a_declared_store_may_refuse_what_it_has_not_seen() -> None:
    rows = len(audit.schedule(["a b", "c d"] * 40, ["e f"] * audit.PER_ROUND, 1))
    of_unseen = {row: "status" for row in range(rows) if row // audit.BLOCK % 3 < 2}
    run = audited(1, 1, 1, errors=of_unseen)
    requests = run.windows[0].requests
    assert set(of_unseen) == set(np.flatnonzero(requests.error).tolist())
    not_found = replace(requests, status=np.where(requests.error != 0, 404, requests.status))
    (window,) = run.windows
    run = fakes.of_windows(run, replace(window, requests=not_found))
    assert said(declared(run, REFUSED)) == []
    assert UNSEEN in names(declared(run)), "it says that it computes them"
    failing = replace(not_found, status=np.where(requests.error != 0, 500, requests.status))
    run = fakes.of_windows(run, replace(window, requests=failing))
    assert UNSEEN in names(declared(run, REFUSED))
