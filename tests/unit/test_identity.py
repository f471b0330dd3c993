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
from harness.stored import sane, store
from harness.stored.identity import (
    BENCHMARK,
    NULL,
    PREDICTOR,
    VARIANT,
    Canaries,
    Cell,
    Point,
    Subject,
    told,
)
from harness.stored.records import SWEEP, Campaign
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


@pytest.mark.parametrize("cell", ODD)
def test_programs_read_what_names_are_made_of(cell: Cell) -> None:
    said = told(cell)
    point = Point(**said["point"]) if said["point"] else None
    subject = Subject(**said["subject"])
    assert (
        Cell(subject=subject, benchmark=said["plain_benchmark"], point=point, round=said["round"])
        == cell
    )
    assert (said["variant"], said["benchmark"]) == (cell.variant_name, cell.benchmark_name)


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
        project.variant("both", "client = true"),
    ]
    known = {variant.name: variant for variant in found}
    assert canaries.predictor(known) is found[2]
    assert canaries.null(known) is found[3]
    assert canaries.of(found) == Canaries(Subject("alone"), Subject("idle"))
    assert [variant.table.is_floor for variant in found] == [False, True, True, True, False]
    assert [variant.table.fires for variant in found] == [False, False, True, False, True]
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


# --- nobody else ----------------------------------------------------------------------------------

READERS = ("stored/legacy.py", "cli/_asked.py")  # of names
# Of URLs, which may have a user before it, and of images, which may have a digest behind it.
OTHERS = (
    *("measure/talk/target.py", "measure/talk/framing.py", "base/secrecy.py"),
    "measure/launch/containers/context.py",
    *("cli/_endpoint.py", "cli/_image.py"),
    *("manifests/overlays.py", "manifests/kinds/bento.py"),  # images with a digest
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
