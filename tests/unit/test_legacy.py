"""Records of the names that files of earlier schemas have."""

from __future__ import annotations

from typing import Any

import pytest

from harness.stored import legacy
from harness.stored.identity import BENCHMARK, VARIANT, Cell, Point, Subject
from harness.stored.records import RUN, SWEEP, TUNE
from tests.cells import cell_of

AGAINST = {"name": "main", "commit": "c" * 40}


def upgraded(variant: str, benchmark: str, **plan: Any) -> dict[str, Any]:
    known = {"cells": [{"variant": variant, "benchmark": benchmark, "round": 3}], "preset": "quick"}
    made: dict[str, Any] = legacy.campaign({**known, **plan}, 6)
    return made


@pytest.mark.parametrize(
    ("variant", "benchmark", "plan", "cell"),
    [
        ("a", "noop", {}, cell_of("a", "noop", 3)),
        ("a@docker", "noop", {}, cell_of("a", "noop", 3, launcher="docker")),
        ("a@main", "noop", {"against": AGAINST}, cell_of("a", "noop", 3, revision="main")),
        (
            *("a@docker@main", "noop", {"against": AGAINST}),
            cell_of("a", "noop", 3, launcher="docker", revision="main"),
        ),
        ("a@docker", "noop", {"against": AGAINST}, cell_of("a", "noop", 3, launcher="docker")),
        ("me@there", "noop", {"endpoint": {"name": "me@there"}}, cell_of("me@there", "noop", 3)),
        ("a-workers-2", "noop-workers", {}, cell_of("a-workers-2", "noop-workers", 3)),
        ("a-instances-4", "noop", {}, cell_of("a-instances-4", "noop", 3)),
    ],
)
def test_names_of_earlier_schemas(
    variant: str, benchmark: str, plan: dict[str, Any], cell: Cell
) -> None:
    assert upgraded(variant, benchmark, **plan)["cells"] == [as_dict(cell)]


@pytest.mark.parametrize(
    ("variant", "benchmark", "cell"),
    [
        ("a", "noop-batch-4", cell_of("a", "noop", 3, point=Point("batch", 4, BENCHMARK))),
        (
            *("a-b", "my-noop-concurrency-16"),
            cell_of("a-b", "my-noop", 3, point=Point("concurrency", 16, BENCHMARK)),
        ),
        (
            "a-workers-2",
            "noop-workers",
            cell_of("a", "noop", 3, point=Point("workers", 2, VARIANT)),
        ),
        (
            *("a-workers-2@docker", "noop-workers"),
            cell_of("a", "noop", 3, launcher="docker", point=Point("workers", 2, VARIANT)),
        ),
        ("a", "noop", cell_of("a", "noop", 3)),
        ("a-workers-2", "noop", cell_of("a-workers-2", "noop", 3)),
        ("a", "noop-batch-0", cell_of("a", "noop-batch-0", 3)),
    ],
)
def test_names_of_earlier_sweeps(variant: str, benchmark: str, cell: Cell) -> None:
    found = upgraded(variant, benchmark, preset="sweep")
    assert found["cells"] == [as_dict(cell)]
    assert (cell.variant_name, cell.benchmark_name) == (variant, benchmark)
    run = {"cell": {"variant": variant, "benchmark": benchmark, "round": 3}, "server": {}}
    assert legacy.run(run, cell, 6)["cell"] == as_dict(cell)


@pytest.mark.parametrize(
    ("variant", "launcher", "subject"),
    [
        ("a", "process", Subject("a")),
        ("a@docker", "docker", Subject("a", "docker")),
        ("a@main", "process", Subject("a", None, "main")),
        ("a@docker@main", "docker", Subject("a", "docker", "main")),
    ],
)
def test_a_run_of_an_earlier_schema_by_itself(
    variant: str, launcher: str, subject: Subject
) -> None:
    own = {"variant": variant, "benchmark": "noop", "round": 3}
    run = {"cell": own, "server": {"launcher": launcher}}
    wanted = Cell(subject=subject, benchmark="noop", point=None, round=3)
    assert legacy.run(run, None, 6)["cell"] == as_dict(wanted)
    # What is not of the planned cell is not said to be.
    assert legacy.run(run, cell_of("other", "noop", 3), 6)["cell"] == as_dict(wanted)


def test_kinds_and_canaries_of_earlier_schemas() -> None:
    for preset, kind in {"quick": RUN, "sweep": SWEEP, "tune": TUNE}.items():
        assert upgraded("a", "noop", preset=preset)["kind"] == kind
    found = upgraded("in-process", "noop")
    assert found["canaries"] == {
        "predictor": {"variant": "in-process", "launcher": None, "revision": None},
        "null": None,
    }


@pytest.mark.parametrize(
    "plan", [7, {}, {"cells": 7}, {"cells": [7, {"variant": 7}, {"variant": "a", "round": 1}]}]
)
def test_what_is_no_plan_is_left_to_validation(plan: Any) -> None:
    made = legacy.campaign(plan, 6)
    assert made == plan or made["cells"] == plan["cells"]
    odd: Any = {"cell": plan}
    assert legacy.run(odd, None, 6) == odd
    assert legacy.run(7, None, 6) == 7


def as_dict(cell: Cell) -> dict[str, Any]:
    own = cell.subject
    point = cell.point
    return {
        "subject": {"variant": own.variant, "launcher": own.launcher, "revision": own.revision},
        "benchmark": cell.benchmark,
        "point": point and {"axis": point.axis, "value": point.value, "varies": point.varies},
        "round": cell.round,
    }
