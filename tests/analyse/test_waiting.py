"""Where requests wait for longer than the law of their server's queue explains."""

from __future__ import annotations

import pytest

from harness.analyse.run import findings, waiting
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Verdict
from harness.windows.kinds import WindowKind
from tests import fakes, in_turn
from tests.in_turn import InTurn
from tests.workers import Workers


@pytest.mark.parametrize("server", [InTurn(), InTurn(beside_ms=4.0), InTurn(around_ms=4.0)])
def test_a_server_that_follows_the_law_is_not_named(server: InTurn) -> None:
    run = in_turn.run(server, rate=65.0)
    assert waiting.excess(run) is None
    assert "waits-more-than-it-should" not in {f.name for f in findings.of_run(RunContext(run=run))}


def test_one_that_queues_a_second_time_is_named_with_the_part() -> None:
    run = in_turn.run(InTurn(again_ms=3.0), rate=60.0)
    found = waiting.excess(run)
    assert found is not None
    assert found.factor == pytest.approx(12 / 9, rel=0.03)
    assert found.seen_ms > found.expected_ms + 3.0
    assert found.after_ms == pytest.approx(3.0, abs=0.3)
    assert found.before_ms == pytest.approx(0.0, abs=0.2)
    assert found.waiting_ms > 2.0  # those behind it wait for as much
    (said,) = [
        f for f in findings.of_run(RunContext(run=run)) if f.name == "waits-more-than-it-should"
    ]
    assert said.verdict is Verdict.WARNING
    assert "keeps the next one waiting 1.3" in said.message
    assert "at 60/s" in said.message


def test_of_several_workers_it_is_said_too() -> None:
    assert waiting.excess(in_turn.run(Workers(), rate=140.0)) is None
    found = waiting.excess(in_turn.run(Workers(again_ms=3.0), rate=120.0))
    assert found is not None
    assert found.factor == pytest.approx(12 / 9, rel=0.03)
    assert found.after_ms == pytest.approx(3.0, abs=0.3)
    assert found.part in ("after the model", "in waiting for the model")


def test_without_lone_requests_nothing_is_said() -> None:
    run = in_turn.run(InTurn(again_ms=3.0), rate=60.0)
    assert waiting.excess(fakes.having(run, WindowKind.AUDIT, [])) is None


def test_what_the_time_between_polls_adds_is_no_queue_s() -> None:
    """A result that is known at the next poll only was there before."""
    healthy = in_turn.polled(in_turn.run(InTurn(), rate=65.0), every_ms=20.0)
    assert waiting.excess(healthy) is None
    twice = in_turn.run(InTurn(again_ms=3.0), rate=60.0)
    found, seen = waiting.excess(in_turn.polled(twice, every_ms=20.0)), waiting.excess(twice)
    assert found is not None
    assert seen is not None
    assert (found.factor, found.seen_ms) == (seen.factor, seen.seen_ms)
    assert (found.polled, seen.polled) == (True, False)
    run = in_turn.polled(twice, every_ms=20.0)
    said = [f.message for f in findings.of_run(RunContext(run=run)) if f.name.startswith("waits")]
    assert "the mean time until the result is there is" in said[0]


def test_without_the_moment_of_the_result_nothing_is_said_of_jobs() -> None:
    twice = in_turn.run(InTurn(again_ms=3.0), rate=60.0)
    assert waiting.excess(in_turn.polled(twice, every_ms=20.0, tells=False)) is None
