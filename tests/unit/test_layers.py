"""The two halves meet only in the result files; modules and functions stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from harness.base import paths

MODULES = {
    ".".join(path.relative_to(paths.PROJECT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((paths.PROJECT / "harness").rglob("*.py"))
}
SHARED = ("base", "setup", "windows", "queues", "search", "stored", "protocols")
READING = ("harness.analyse", "harness.report", "harness.frames")
FORBIDDEN = {
    "harness.measure": (*READING, "harness.cli"),
    **dict.fromkeys(READING, ("harness.measure", "harness.cli")),
    **dict.fromkeys(
        (f"harness.{name}" for name in SHARED), ("harness.measure", *READING, "harness.cli")
    ),
}
# One file for each thing that is found by looking into a folder; a name says which thing.
REGISTRIES = ("findings", "metrics", "sections", "formats", "drivers", "launchers")
MODULE_LINES, FUNCTION_LINES = 300, 40


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(module: str, path: Path) -> Iterator[str]:
    """Every name that a module imports, wherever in it, `from` imports with what they take."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_a_layer_does_not_know_those_it_must_not(layer: str) -> None:
    found = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if within(module, (layer,))
        for name in imports_of(module, path)
        if within(name, FORBIDDEN[layer])
    ]
    assert any(within(module, (layer,)) for module in MODULES)
    assert found == []


def test_every_module_belongs_to_a_layer() -> None:
    layers = (*FORBIDDEN, "harness.cli", "harness.__main__")
    assert [m for m in MODULES if m != "harness" and not within(m, layers)] == []


def test_the_walk_sees_every_kind_of_import(tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    path.write_text(
        "import a.b as c\nfrom . import d\nfrom ..e import f\ndef g():\n    from h import i\n"
        "if True:\n    import j\n"
    )
    assert set(imports_of("top.middle.odd", path)) == {
        *("a.b", "top.middle", "top.middle.d", "top.e", "top.e.f", "h", "h.i", "j"),
    }


def test_each_folder_says_what_lives_there() -> None:
    silent = [
        name
        for name, path in MODULES.items()
        if path.name == "__init__.py" and name != "harness" and not ast.get_docstring(tree_of(path))
    ]
    assert silent == []


@pytest.mark.parametrize("half", ["harness.measure", "harness.analyse", "harness.report"])
def test_no_two_modules_of_a_half_have_one_name(half: str) -> None:
    """But for those of a registry: `findings.capacity` judges what `capacity` works out."""
    names: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        registered = any(f".{registry}." in module for registry in REGISTRIES)
        if within(module, (half,)) and path.name != "__init__.py" and not registered:
            names.setdefault(module.rpartition(".")[2], []).append(module)
    assert {name: found for name, found in names.items() if len(found) > 1} == {}


def circles(*packages: str) -> list[list[str]]:
    """Modules that import each other, over however many others; also where only types are meant."""
    needs = {
        module: {name for name in imports_of(module, path) if name in MODULES} - {module}
        for module, path in MODULES.items()
        if within(module, packages)
    }
    reached = {module: set(names) for module, names in needs.items()}
    for between in reached:
        for names in reached.values():
            if between in names:
                names |= reached[between]
    together = {frozenset(b for b in reached[a] if a in reached.get(b, ())) for a in reached}
    return sorted(sorted(group) for group in together if group)


def test_no_modules_import_each_other() -> None:
    assert circles("harness.measure", "harness.protocols", "harness.stored") == []


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    lengths = {
        f"{module}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module, path in MODULES.items()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def test_commands_talk_through_one_module() -> None:
    """Which lets nothing from elsewhere act on a terminal."""
    talking = {
        name
        for name, path in MODULES.items()
        if name.startswith("harness.cli") and "click.echo(" in path.read_text()
    }
    assert talking <= {"harness.cli._say", "harness.cli.report"}  # which writes bytes, too
