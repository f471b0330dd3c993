"""Requests in flight = throughput x mean time, or a number is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.run import findings
from harness.analyse.run.context import RunContext
from harness.stored.records import Run, Window
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile
from tests import fakes
from tests.fakes import Fake


def broken(run: Run) -> list[str]:
    found = findings.of_run(RunContext(run=run))
    return [f.message for f in found if f.name == "breaks-littles-law"]


def changed(run: Run, elapsed: float = 1.0, **columns: object) -> Run:
    """The first window with other columns, or another length."""
    first, *rest = run.windows
    requests = replace(first.requests, **columns)  # type: ignore[arg-type]
    facts = replace(first.facts, elapsed_s=first.facts.elapsed_s * elapsed)
    window = replace(first, requests=requests, facts=facts)
    return replace(run, windows=(window, *rest))


def closed(callers: int, taken_ms: float, rate: float, seconds: float = 2.0) -> Window:
    """So many answers a second of so many ms each."""
    sent = np.arange(int(rate * seconds)) / rate * 1e3
    requests = fakes.requests([-1] * len(sent), sent.tolist(), (sent + taken_ms).tolist())
    profile = Profile("saturated", "closed", seconds, concurrency=callers)
    return fakes.exact_run((profile, requests)).windows[0]


def test_what_a_server_did_keeps_the_law() -> None:
    for fake in (Fake("a"), Fake("late", errors=0.2), Fake("searched", capacity_per_s=200.0)):
        assert broken(fakes.run(fake)) == []


@pytest.mark.parametrize("elapsed", [0.5, 0.8])
def test_a_window_that_is_shorter_than_its_requests_is_named(elapsed: float) -> None:
    (said,) = broken(changed(fakes.run(Fake("a")), elapsed=elapsed))
    assert said.startswith("steady: ")
    assert said.endswith("one of the three numbers is wrong")


def test_answers_before_their_requests_are_named() -> None:
    run = fakes.run(Fake("a"))
    requests = run.windows[0].requests
    assert broken(changed(run, done_ns=requests.due_ns - 1000))


@pytest.mark.parametrize(("rate", "expected"), [(790.0, 0), (1000.0, 1)])
def test_no_caller_has_two_requests_in_flight(rate: float, expected: int) -> None:
    """Eight callers of 10 ms each can't get more than 800/s."""
    found = broken(replace(fakes.run(Fake("a")), windows=(closed(8, 10.0, rate),)))
    assert len(found) == expected
    assert all("requests were in flight at a time, but 8 callers" in each for each in found)


def test_probes_are_held_to_it_too() -> None:
    run = fakes.run(Fake("a", capacity_per_s=200.0))
    short = replace(run.probes[0].facts, elapsed_s=run.probes[0].facts.elapsed_s / 2)
    probes = [replace(run.probes[0], facts=short), *run.probes[1:]]
    run = fakes.having(run, WindowKind.PROBE, probes)
    (said,) = broken(run)
    assert said.startswith("probe: ")
