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
SHARED = (
    "base",
    "setup",
    "windows",
    "queues",
    "search",
    "stored",
    "protocols",
    "monitoring",
    "manifests",
)
READING = ("harness.analyse", "harness.report", "harness.frames")
FORBIDDEN = {
    "harness.measure": (*READING, "harness.cli"),
    **dict.fromkeys(READING, ("harness.measure", "harness.cli")),
    **dict.fromkeys(
        (f"harness.{name}" for name in SHARED), ("harness.measure", *READING, "harness.cli")
    ),
}
# One file for each thing that is found by looking into a folder; a name says which thing.
REGISTRIES = ("changes", "findings", "metrics", "sections", "formats", "drivers", "launchers")
SOURCES = (".py", ".j2", ".js", ".css")
MODULE_LINES, FUNCTION_LINES = 300, 40
POSITIONS = 3  # fields that may be given by it
# Estimates are written as one reads them: a value, its low and high end, of how many rounds.
ESTIMATES = {"harness.analyse.statistics.stats.Spread", "harness.analyse.field.paired.Ratio"}


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


def graph_of(modules: dict[str, Path]) -> dict[str, set[str]]:
    """The modules that each takes something from, in functions and under TYPE_CHECKING, too.

    `from package import module` is an arrow to the module alone, so that a registry that loads
    the files of its folder is no circle with them.
    """
    return {
        module: set(_taken(module, path, modules)) - {module} for module, path in modules.items()
    }


def _taken(module: str, path: Path, modules: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{module} has a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from names & set(modules)
            if names - set(modules) and node.module in modules:
                yield node.module


def circles_in(graph: dict[str, set[str]]) -> list[list[str]]:
    """Modules that reach each other, each group sorted."""
    reached = {module: _reached(graph, module) for module in graph}
    groups = {
        tuple(sorted({module} | {m for m in reached[module] if module in reached[m]}))
        for module in graph
        if module in reached[module]
    }
    return [list(group) for group in sorted(groups)]


def _reached(graph: dict[str, set[str]], module: str) -> set[str]:
    found: set[str] = set()
    open_ = [module]
    while open_:
        new = graph[open_.pop()] - found
        found |= new
        open_ += new
    return found


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


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles_in(graph_of(MODULES)) == []


def test_a_circle_is_found_wherever_the_import_stands(tmp_path: Path) -> None:
    texts = {
        "a": "from b import x",
        "b": "def g():\n    import c",
        "c": "if TYPE_CHECKING:\n    from a import Y",
        "d": "import a",
    }
    modules = {name: tmp_path / f"{name}.py" for name in texts}
    for name, text in texts.items():
        modules[name].write_text(text)
    assert circles_in(graph_of(modules)) == [["a", "b", "c"]]


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


def test_no_two_public_classes_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module)
    assert {name for name, found in places.items() if len(found) > 1} == set()


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


def by_position(node: ast.ClassDef) -> int:
    """How many fields of a record its maker may give by position alone."""
    decorators = [ast.unparse(each) for each in node.decorator_list]
    record = [text for text in decorators if text.partition("(")[0].endswith("dataclass")]
    if not record or "kw_only=True" in record[0]:
        return 0
    fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
    hints = [ast.unparse(each.annotation) for each in fields]
    known = hints[: hints.index("KW_ONLY")] if "KW_ONLY" in hints else hints
    return sum("ClassVar" not in hint for hint in known)


def test_wide_records_are_made_by_keyword_only() -> None:
    """Nobody reads sixteen values in a row."""
    wide = {
        f"{module}.{node.name}"
        for module, path in MODULES.items()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and by_position(node) > POSITIONS
    }
    assert wide == ESTIMATES


@pytest.mark.parametrize(
    ("decorator", "last", "count"),
    [
        ("dataclass", "", 2),
        ("dataclasses.dataclass(slots=True)", "c: int", 3),
        ("dataclass(frozen=True)", "_: KW_ONLY; c: int", 2),
        ("dataclass(frozen=True, kw_only=True)", "c: int", 0),
        ("other", "c: int", 0),
    ],
)
def test_which_fields_are_given_by_position(decorator: str, last: str, count: int) -> None:
    source = f"@{decorator}\nclass A:\n    a: int; b: int = 0; C: ClassVar[int] = 1\n    {last}\n"
    (made,) = ast.parse(source).body
    assert isinstance(made, ast.ClassDef)
    assert by_position(made) == count


def test_pictures_are_drawn_in_one_room() -> None:
    files = (p for p in (paths.PROJECT / "harness").rglob("*") if p.suffix in SOURCES)
    drawing = {path.relative_to(paths.PROJECT) for path in files if b"<svg" in path.read_bytes()}
    assert {path.parent for path in drawing} == {Path("harness/report/draw")}


def test_commands_talk_through_one_module() -> None:
    """Which lets nothing from elsewhere act on a terminal."""
    talking = {
        name
        for name, path in MODULES.items()
        if name.startswith("harness.cli") and "click.echo(" in path.read_text()
    }
    assert talking <= {"harness.cli._say", "harness.cli.report"}  # which writes bytes, too
