"""What became of the requests of a strained server, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.run import findings, strain_outcomes
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Verdict
from harness.analyse.run.metrics import METRICS
from harness.analyse.run.strain_outcomes import Borne, Ended
from harness.stored.container import ImageFacts
from harness.stored.lifecycle import (
    OVERLOAD,
    SHUTDOWN,
    Installed,
    Lifecycle,
    Overload,
    Restart,
    Shutdown,
)
from harness.stored.records import Run
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile
from harness.windows.samples import MISSING, Requests
from tests import fakes

MS = 1_000_000
BORNE = Overload(slo="p99<50ms", capacity_per_s=100.0, recovery_s=1.25)
STOPPED = Shutdown(100 * MS, 180 * MS)
AGAIN = Restart(200 * MS)


def strained(name: str, requests: Requests, life: Lifecycle) -> Run:
    """A run with one window of its strain."""
    made = fakes.exact_run((Profile(name, "poisson", 3.0, rate_per_s=200.0), requests))
    made = replace(made, facts=replace(made.facts, lifecycle=life))
    return fakes.of_windows(made, made.windows[0].of_kind(WindowKind.STRAIN))


def overloaded(overload: Overload = BORNE) -> Run:
    """In time, late, in time, failed."""
    due = [0.0, 10.0, 20.0, 30.0]
    requests = fakes.requests(due, due, [49.0, 61.0, 70.0, 40.0], ["", "", "", "status"])
    return strained(OVERLOAD, requests, Lifecycle(overload=overload))


SENT = [10.0, 90.0, 95.0, 99.0, 120.0, 150.0, 210.0, 240.0]
DONE = [20.0, 130.0, 101.0, 102.0, 121.0, 160.0, 260.0, 245.0]
ENDS = ["", "", "disconnected", "connect", "connect", "disconnected", "", ""]


def stopped(restart: Restart | None = None, ends: list[str] | None = None) -> Run:
    """Two in flight at the signal, of which one is lost; one that found no listener just then; two
    that came later; and two that another server answered."""
    requests = fakes.requests(SENT, SENT, DONE, ends or ENDS)
    return strained(SHUTDOWN, requests, Lifecycle(shutdown=STOPPED, restart=restart))


def value(name: str, run: Run) -> float | None:
    return METRICS[name].formula(RunContext(run=run))


def told(run: Run) -> dict[str, tuple[Verdict, str]]:
    names = ("died-of-overload", "not-overloaded", "no-recovery", "lost-at-shutdown", "no-restart")
    found = (finding for finding in findings.of_run(RunContext(run=run)) if finding.name in names)
    return {finding.name: (finding.verdict, finding.message) for finding in found}


def test_twice_the_capacity() -> None:
    found = strain_outcomes.borne(overloaded())
    assert found is not None
    expected = Borne(requests=4, in_time=2, errors={"status": 1}, refused=0, p99_ms=None)
    assert replace(found, p99_ms=None) == expected
    assert value("overload_in_time", overloaded()) == 50
    assert value("overload_errors", overloaded()) == 25
    assert value("recovery", overloaded()) == 1.25
    assert told(overloaded()) == {}


def test_what_is_refused_at_twice_the_capacity() -> None:
    run = overloaded()
    (window,) = run.windows
    for code, refused in ((500, 0), (503, 25), (429, 25)):
        status = np.where(window.requests.error, code, 200)
        other = replace(window, requests=replace(window.requests, status=status))
        assert value("overload_refused", replace(run, windows=(other,))) == refused
    assert value("overload_p99", run) == pytest.approx(50.98)


def test_a_server_that_died_of_it_did_not_fail_to_recover() -> None:
    run = overloaded(replace(BORNE, recovery_s=None, died="it ended with exit code 8"))
    said = "at twice its capacity of 100.0/s it ended: it ended with exit code 8"
    assert told(run) == {"died-of-overload": (Verdict.WARNING, said)}


def test_one_that_the_generator_is_too_slow_for() -> None:
    run = fakes.run(fakes.Fake("fast", life=Lifecycle(not_overloaded="801/s is too fast")))
    said = "it was not loaded with twice its capacity: 801/s is too fast"
    assert told(run) == {"not-overloaded": (Verdict.NOTE, said)}
    assert value("overload_errors", run) is None


def test_one_that_does_not_recover() -> None:
    run = overloaded(replace(BORNE, recovery_s=None))
    said = "after 3 s at twice its capacity of 100.0/s it never again answered a request in time"
    assert told(run) == {"no-recovery": (Verdict.WARNING, said)}
    assert value("recovery", run) is None


def test_a_stop_under_load() -> None:
    assert strain_outcomes.ended(stopped()) == Ended(in_flight=2, lost=1, refused=1, dropped=1)
    assert value("lost_at_stop", stopped()) == 1
    said = "1 of 2 requests that were in flight at the stop signal never got a right answer"
    assert told(stopped()) == {"lost-at-shutdown": (Verdict.WARNING, said)}


def test_a_request_that_never_ended_is_in_flight() -> None:
    run = stopped()
    (window,) = run.of(WindowKind.STRAIN)
    done = window.requests.done_ns.copy()
    done[2] = MISSING
    window = replace(window, requests=replace(window.requests, done_ns=done))
    assert strain_outcomes.ended(fakes.of_windows(run, window)) == strain_outcomes.ended(run)


def test_nothing_is_lost_where_all_in_flight_is_answered() -> None:
    run = stopped(ends=["", "", "", *ENDS[3:]])
    assert value("lost_at_stop", run) == 0
    assert told(run) == {}


def test_with_nothing_in_flight_nothing_is_known() -> None:
    requests = fakes.requests([10.0, 120.0], [10.0, 120.0], [20.0, 121.0], ["", "connect"])
    run = strained(SHUTDOWN, requests, Lifecycle(shutdown=STOPPED))
    assert strain_outcomes.ended(run) == Ended(in_flight=0, lost=0, refused=1, dropped=0)
    assert value("lost_at_stop", run) is None


def test_the_gap_is_the_longest_time_without_a_right_answer() -> None:
    # From the signal at 100 ms: answers at 130, 245 and 260 ms.
    assert value("restart_gap", stopped(AGAIN)) == pytest.approx(0.115)
    assert "no-restart" not in told(stopped(AGAIN))
    assert value("restart_gap", stopped()) is None


def test_a_server_that_does_not_come_back() -> None:
    run = stopped(replace(AGAIN, failure="it ended with exit code 1"))
    said = "restart under load: it ended with exit code 1"
    assert told(run)["no-restart"] == (Verdict.WARNING, said)
    silent = stopped(AGAIN, ends=[*ENDS[:6], "timeout", "timeout"])
    assert value("restart_gap", silent) is None
    assert told(silent)["no-restart"][1].endswith("no right answer came within 2.8 s")


def test_installation_and_memory() -> None:
    run = fakes.exact_run()
    life = Lifecycle(
        installed=Installed(300 << 20, 12.5),
        memory_idle_bytes=90 << 20,
        memory_after_bytes=120 << 20,
    )
    run = replace(run, facts=replace(run.facts, lifecycle=life))
    assert value("install_time", run) == 12.5
    assert value("install_size", run) == 300
    assert (value("memory_idle", run), value("memory_after", run)) == (90, 120)
    image = ImageFacts(
        tag="tag",
        id="id",
        size_bytes=700 << 20,
        base="base",
        build_s=61.5,
        steps=20,
        steps_reused=11,
    )
    container = replace(run, facts=replace(run.facts, image=image))
    assert (value("install_time", container), value("install_size", container)) == (61.5, 700)


def test_a_run_of_an_earlier_schema_has_none_of_it() -> None:
    run = fakes.exact_run()
    assert run.facts.lifecycle is None
    found = (strain_outcomes.borne(run), strain_outcomes.ended(run), strain_outcomes.gap_s(run))
    assert found == (None, None, None)
    assert told(run) == {}
