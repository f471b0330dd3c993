"""Doubts about a run in a container, on both sides of their limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analyse.run import findings
from harness.analyse.run.context import RunContext
from harness.stored.container import ContainerFacts
from harness.stored.records import Failure, Run
from tests import fakes

WELL = ContainerFacts(
    engine="20.10",
    reached="container",
    memory_limit_bytes=1 << 32,
    pids_limit=1024,
    memory_peak_bytes=300 << 20,
    throttled_s=0.05,
    out_of_memory=0,
)


def _run(container: ContainerFacts | None) -> Run:
    run = fakes.run(fakes.Fake())
    return replace(run, facts=replace(run.facts, container=container))


def _found(container: ContainerFacts | None) -> dict[str, tuple[str, str]]:
    of_run = findings.of_run(RunContext(run=_run(container)))
    return {found.name: (found.verdict.value, found.message) for found in of_run}


@pytest.mark.parametrize("container", [None, WELL, replace(WELL, throttled_s=None)])
def test_no_doubt_about_what_went_well(container: ContainerFacts | None) -> None:
    assert (
        not {"out-of-memory", "throttled", "reached-through-a-proxy", "engine-warned"}
        & _found(container).keys()
    )


def test_a_killed_process_is_a_warning_with_the_limit() -> None:
    verdict, message = _found(replace(WELL, out_of_memory=2))["out-of-memory"]
    assert verdict == "warning"
    assert "killed 2 of its processes at the container's limit of 4096 MiB" in message


def test_where_the_container_itself_was_killed_its_failure_says_so() -> None:
    run = _run(replace(WELL, out_of_memory=1))
    failed = replace(run.facts, failure=Failure("load", "It died."))
    names = {found.name for found in findings.of_run(RunContext(run=replace(run, facts=failed)))}
    assert "out-of-memory" not in names


def test_throttling_is_a_warning() -> None:
    assert _found(replace(WELL, throttled_s=0.06))["throttled"][0] == "warning"


def test_what_the_engine_would_not_do_is_a_warning() -> None:
    verdict, message = _found(replace(WELL, warnings=("Memory limited without swap.",)))[
        "engine-warned"
    ]
    assert verdict == "warning"
    assert message.endswith("as requested: Memory limited without swap.")


def test_a_proxy_in_the_path_is_a_note() -> None:
    assert _found(replace(WELL, reached="published"))["reached-through-a-proxy"][0] == "note"
