"""What a run is of: records that survive any name, and the two places that read names."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.base import paths
from harness.cli._asked import Asked, parsed
from harness.setup import canaries
from harness.stored import legacy, sane, store
from harness.stored.identity import (
    BENCHMARK,
    NULL,
    PREDICTOR,
    VARIANT,
    Canaries,
    Cell,
    Point,
    Subject,
)
from harness.stored.records import RUN, SWEEP, TUNE, Campaign
from tests.cells import cell_of
from tests.unit import stored
from tests.unit.conftest import Project

ODD = (
    cell_of("a", "noop"),
    cell_of("a", "noop", launcher="x-1@y"),
    cell_of("a", "noop", revision="feature/x@y"),
    cell_of("a", "noop", launcher="docker", revision="feature/x@y"),
    cell_of("a", "noop", 2, launcher="4", revision="-"),
    cell_of("a-instances-4", "noop-batch-4"),
    cell_of("a-instances-4", "noop-batch-4", point=Point("batch", 4, BENCHMARK)),
    cell_of("a", "noop", launcher="docker", point=Point("workers", 2, VARIANT)),
)


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        (cell_of("a", "noop"), ("a", "noop")),
        (cell_of("a", "noop", launcher="docker"), ("a@docker", "noop")),
        (cell_of("a", "noop", launcher="docker", revision="main"), ("a@docker@main", "noop")),
        (cell_of("a", "noop", point=Point("batch", 4, BENCHMARK)), ("a", "noop-batch-4")),
        (ODD[-1], ("a-workers-2@docker", "noop-workers")),
        (ODD[2], ("a@feature/x@y", "noop")),
    ],
)
def test_what_reports_call_a_cell(cell: Cell, names: tuple[str, str]) -> None:
    assert (cell.variant_name, cell.benchmark_name) == names
    assert str(cell) == f"{names[0]} on {names[1]}, round 1"


def plan_of(*cells: Cell) -> Campaign:
    return replace(stored.campaign(), cells=cells)


def test_identities_survive_the_store(tmp_path: Path) -> None:
    plan = replace(plan_of(*ODD), kind=SWEEP, canaries=Canaries(ODD[0].subject, ODD[1].subject))
    store.write_campaign(tmp_path, plan)
    assert store.read_campaign(tmp_path) == plan
    places = set()
    for cell in ODD:
        facts = replace(stored.run().facts, cell=cell)
        place = store.write_run(tmp_path, replace(stored.run(), facts=facts))
        assert store.read_run(place).cell == cell
        assert place.parent.parent.parent == tmp_path
        places.add(place)
    assert len(places) == len(ODD)
    assert [cell for cell, _ in store.stored(tmp_path, plan.cells)] == list(ODD)


def test_rounds_of_a_cell_share_its_key_alone() -> None:
    assert len({cell.key for cell in ODD}) == len(ODD)
    assert replace(ODD[0], round=7).key == ODD[0].key


def test_two_cells_of_one_name_are_no_plan() -> None:
    both = (cell_of("a", "noop", launcher="main"), cell_of("a", "noop", revision="main"))
    assert (
        sane.of_campaign(plan_of(*both)) == "two cells would both be called a@main on noop, round 1"
    )
    assert sane.of_campaign(plan_of(*ODD)) is None


@pytest.mark.parametrize("part", ["launcher", "revision"])
def test_a_name_of_a_launcher_or_a_revision_stands_in_one_line(part: str) -> None:
    odd: Any = {part: "a\nb"}
    assert "can't be the name of a launcher" in (
        sane.of_campaign(plan_of(cell_of("a", "b", **odd))) or ""
    )


def test_which_subjects_are_canaries() -> None:
    found = Canaries(Subject("in-process"), Subject("null"))
    assert found.role(Subject("in-process")) == PREDICTOR
    assert found.role(Subject("null")) == NULL
    assert found.role(Subject("in-process", revision="main")) is None
    assert Canaries().role(Subject("a")) is None


def test_canaries_are_found_by_what_they_do(project: Project) -> None:
    found = [
        project.variant("some"),
        project.variant("_odd", "reference = true"),
        project.variant("alone", "inside = true"),
        project.variant("idle", "reference = true"),
    ]
    known = {variant.name: variant for variant in found}
    assert canaries.predictor(known) is found[2]
    assert canaries.null(known) is found[3]
    assert canaries.of(found) == Canaries(Subject("alone"), Subject("idle"))
    assert [variant.table.is_floor for variant in found] == [False, True, True, True]
    assert canaries.of(found[:2]) == Canaries()


# --- what people say ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("a", Asked("a")),
        ("a@docker", Asked("a", "docker")),
        ("trit*@docker", Asked("trit*", "docker")),
        ("a@", Asked("a")),
        ("a@x-1@y", Asked("a", "x-1@y")),
    ],
)
def test_an_argument_names_a_variant_and_a_launcher(given: str, meant: Asked) -> None:
    assert parsed(given) == meant
    assert parsed(meant) is meant
    assert parsed(str(meant)) == meant


# --- what earlier schemas said --------------------------------------------------------------------

AGAINST = {"name": "main", "commit": "c" * 40}


def upgraded(variant: str, benchmark: str, **plan: Any) -> dict[str, Any]:
    known = {"cells": [{"variant": variant, "benchmark": benchmark, "round": 3}], "preset": "quick"}
    made: dict[str, Any] = legacy.campaign({**known, **plan})
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
    assert legacy.run(run, cell)["cell"] == as_dict(cell)


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
    wanted = Cell(subject, "noop", None, 3)
    assert legacy.run(run, None)["cell"] == as_dict(wanted)
    # What is not of the planned cell is not said to be.
    assert legacy.run(run, cell_of("other", "noop", 3))["cell"] == as_dict(wanted)


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
    made = legacy.campaign(plan)
    assert made == plan or made["cells"] == plan["cells"]
    odd: Any = {"cell": plan}
    assert legacy.run(odd, None) == odd
    assert legacy.run(7, None) == 7


def as_dict(cell: Cell) -> dict[str, Any]:
    own = cell.subject
    point = cell.point
    return {
        "subject": {"variant": own.variant, "launcher": own.launcher, "revision": own.revision},
        "benchmark": cell.benchmark,
        "point": point and {"axis": point.axis, "value": point.value, "varies": point.varies},
        "round": cell.round,
    }


# --- nobody else ----------------------------------------------------------------------------------

READERS = ("stored/legacy.py", "cli/_asked.py")  # of names
# Of URLs, which may have a user before it, and of images, which may have a digest behind it.
OTHERS = (
    *("measure/talk/target.py", "measure/launch/containers/context.py"),
    *("cli/_endpoint.py", "cli/_image.py"),
)
TAKING_APART = frozenset(
    (
        *("split", "rsplit", "partition", "rpartition", "removesuffix", "removeprefix"),
        *("endswith", "startswith", "find", "rfind", "index", "rindex"),
        *("compile", "match", "fullmatch", "search", "sub", "findall", "finditer"),
    )
)


def taken_apart(source: str) -> list[int]:
    """Lines of a module in which a text is split at the sign, or asked whether it has it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            parts = [part for each in node.args for part in ast.walk(each)]
            if node.func.attr in TAKING_APART and any(map(_is_sign, parts)):
                found.append(node.lineno)
        elif isinstance(node, ast.Compare) and any(isinstance(op, ast.In) for op in node.ops):
            found += [node.lineno] if _is_sign(node.left) else []
    return found


def _is_sign(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id == "AT"
    # One of a class of characters in a pattern is no sign between two parts.
    return isinstance(node, ast.Constant) and "@" in re.sub(r"\[[^]]*\]", "", str(node.value))


def test_names_are_taken_apart_in_two_modules_alone() -> None:
    root = paths.PROJECT / "harness"
    sources = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*.py")}
    found = {name for name, source in sources.items() if taken_apart(source)}
    assert found - {*OTHERS} == {*READERS}


def test_how_that_is_seen() -> None:
    for line in ('a.partition("@")', "a.split(AT)", 'a.removesuffix(f"@{b}")', '"@" in a'):
        assert taken_apart(line), line
    assert not taken_apart('AT.join(("a", "b"))\nprint("@")')
