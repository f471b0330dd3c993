"""What is told of a run on its variant's own page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analyse.run import seen
from harness.stored.records import Failure, Run
from tests import fakes
from tests.fakes import Fake


def test_windows_processes_and_batches_are_counted() -> None:
    found = seen.of_run(fakes.run(Fake("a", errors=0.05, batch=4, capacity_per_s=200.0)))
    assert [counts.profile.name for counts in found.windows] == ["steady", "saturated"]
    steady, saturated = found.windows
    assert 0 < steady.errors["timeout"] < steady.requests
    assert steady.lag_p99_us is not None
    assert saturated.lag_p99_us is None
    assert (found.probes, found.processes, found.threads) == (7, 1, 9)
    assert (found.predicting, found.largest_batch) == (1, 4)
    assert found.log_end == "listening"


def test_of_a_run_that_failed_nothing_was_seen() -> None:
    found = seen.of_run(fakes.run(Fake("a", failure=Failure("launch", "No."))))
    assert found == seen.Seen(
        windows=(),
        probes=0,
        processes=None,
        threads=None,
        predicting=0,
        largest_batch=0,
        log_end="",
    )


@pytest.mark.parametrize(
    ("launcher", "told"), [("remote", ("192.0.2.7:80", "192.0.2.8:80")), ("process", ())]
)
def test_where_an_endpoint_was_loaded(launcher: str, told: tuple[str, ...]) -> None:
    run = fakes.run(Fake("a"))
    first, second = run.windows
    windows = tuple(
        replace(window, facts=replace(window.facts, addresses=addresses))
        for window, addresses in (
            (first, ("192.0.2.7:80",)),
            (second, ("192.0.2.7:80", "192.0.2.8:80")),
        )
    )
    server = replace(run.facts.server, launcher=launcher)
    found = seen.of_run(replace(run, windows=windows, facts=replace(run.facts, server=server)))
    assert found.addresses == told


def with_log(log: str) -> Run:
    return replace(fakes.run(Fake("a", profiles=())), log=log)


def test_a_log_ends_in_a_few_lines_that_are_not_too_long() -> None:
    end = seen.of_run(with_log("\n".join(f"line {n}" for n in range(99)) + "\n\n" + "x" * 999))
    lines = end.log_end.splitlines()
    assert len(lines) == 12
    assert lines[0] == "line 88"
    assert lines[-1] == "x" * 199 + "…"
