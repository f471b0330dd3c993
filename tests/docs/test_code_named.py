"""The code that pages name is there, under that name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from harness.base import paths
from tests.docs.pages import coded, markdown, rows, section, text

PLACE = re.compile(r"(?:harness|tests|scripts)/[\w./-]+")
PAGES = [path for path in markdown() if path.name != "CHANGELOG.md"]  # which names what was


@cache
def known() -> frozenset[str]:
    """`module`, `module.name` and `Class.member`, each module with as many folders as wanted."""
    found: set[str] = set()
    for path in (paths.PROJECT / "harness").rglob("*.py"):
        parts = [*path.relative_to(paths.PROJECT).with_suffix("").parts]
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        module = [".".join(parts[place:]) for place in range(len(parts))]
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found.update(module, *({f"{each}.{n}" for each in module} for n in _names(tree)))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found |= {node.name, *(f"{node.name}.{name}" for name in _names(node))}
    return frozenset(found)


def _names(node: ast.Module | ast.ClassDef) -> Iterator[str]:
    for part in node.body:
        if isinstance(part, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield part.name
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            yield part.target.id
        elif isinstance(part, ast.Assign):
            yield from (each.id for each in part.targets if isinstance(each, ast.Name))


def test_the_code_of_each_term_is_there() -> None:
    named = {code for *_, cell in rows(text("docs/glossary.md")) for code in coded(cell)}
    assert len(named) > 40
    files = {name for name in named if "/" in name or name.endswith(".py")}
    assert named - files - known() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = {found for each in coded(page.read_text()) for found in PLACE.findall(each)}
    assert {name for name in named if not (paths.PROJECT / name.rstrip(".")).exists()} == set()


def test_the_rooms_and_modules_of_the_architecture_are_there() -> None:
    page, root = text("docs/architecture.md"), paths.PROJECT / "harness"
    rooms = {room for row in rows(section(page, "Rooms")) for room in coded(row[0])}
    modules = {each for each in coded(page) if re.fullmatch(r"[a-z_]+(/\w+)+", each)}
    named = {each.removeprefix("harness/") for each in modules | rooms}
    places = {name: (root / name, root / f"{name}.py") for name in named}
    assert len(named) > 40
    assert {name for name, found in places.items() if not any(p.exists() for p in found)} == set()
    # The folders that hold no other: the command line is described in the text above the table.
    inmost = {str(p.parent.relative_to(root)) for p in root.glob("*/*/__init__.py")}
    outer = {each.partition("/")[0] for each in inmost}
    inmost |= {p.parent.name for p in root.glob("*/__init__.py")} - outer - {"cli"}
    assert inmost - rooms == set()
