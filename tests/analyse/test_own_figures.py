"""The server's own count beside what is seen from outside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.run import findings
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Finding, Verdict
from harness.windows.own_figures import OwnFigures
from harness.windows.profiles import Profile
from harness.windows.samples import calls_of
from tests import fakes

STEADY = Profile("steady", "poisson", 10.0, rate_per_s=50.0)
COUNT = 100


def told(own: OwnFigures | None) -> list[Finding]:
    """A hundred requests: 1 ms before, then 4 ms of waiting for all but each fifth, 5 ms of model,
    2 ms after."""
    at = np.arange(COUNT) * 100.0
    waited = np.where(np.arange(COUNT) % 5 == 0, 0.0, 4.0)
    requests = fakes.requests(list(at), list(at), list(at + waited + 8.0))
    started = ((at + 1.0 + waited) * 1e6).astype(np.int64)
    ones = np.ones(COUNT, np.int64)
    run = fakes.exact_run((STEADY, requests))
    facts = replace(run.windows[0].facts, own=own)
    seen = calls_of(started, ones * 5_000_000, ones, ones)
    run = replace(run, windows=(replace(run.windows[0], facts=facts, calls=seen),))
    return [
        finding for finding in findings.of_run(RunContext(run=run)) if finding.name == "own-figures"
    ]


def test_what_agrees_is_a_note_with_both() -> None:
    (found,) = told(OwnFigures(COUNT, 0.33, 0.52))
    assert found.verdict is Verdict.NOTE
    assert found.message == (
        "the server itself counted 3.30 ms of waiting and 5.20 ms in the model for a request; "
        "seen from outside: 3.20 ms (and 1.00 ms before) and 5.00 ms"
    )


@pytest.mark.parametrize(
    ("queue_s", "model_s", "agrees"),
    [
        (0.32, 0.5, True),
        (0.43, 0.5, True),  # it counts what no request escapes as waiting
        (0.1, 0.5, False),
        (0.7, 0.5, False),
        (0.32, 0.7, False),
        (0.32, 0.3, False),
    ],
)
def test_beyond_the_limit_it_is_a_warning(queue_s: float, model_s: float, agrees: bool) -> None:
    (found,) = told(OwnFigures(COUNT, queue_s, model_s))
    assert found.verdict is (Verdict.NOTE if agrees else Verdict.WARNING)


def test_other_requests_in_its_count_are_said() -> None:
    (found,) = told(OwnFigures(COUNT + 7, 0.3, 0.5))
    assert found.verdict is Verdict.WARNING
    assert "counted 107 requests in the steady window, 100 were answered" in found.message


@pytest.mark.parametrize("own", [None, OwnFigures(COUNT, None, 0.5), OwnFigures(COUNT, 0.3, None)])
def test_without_its_figures_nothing_is_said(own: OwnFigures | None) -> None:
    assert told(own) == []
