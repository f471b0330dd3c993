"""Whatever a user can meet is written down, and every link leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

from harness.analyse.cost.prices import RentedMachine, Serverless
from harness.analyse.field.comparison import COLUMNS
from harness.analyse.run.findings import RUN_RULES, WINDOW_RULES
from harness.base import paths
from harness.cli import cli
from harness.setup import catalog, judges
from harness.setup.launching import Launching
from harness.setup.tables import BenchmarkTable, ProfileTable
from harness.windows.profiles import shape_names
from tests.docs.pages import coded, markdown, rows, section, text, without_code

CLI = text("docs/cli.md")
METHOD = text("docs/method.md")
CONTEXT = click.Context(cli)
COMMANDS = cli.list_commands(CONTEXT)
PAGES = list(markdown())
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def options(name: str) -> Iterator[str]:
    """The long options of a command."""
    command = cli.get_command(CONTEXT, name)
    assert command is not None
    for parameter in command.get_params(click.Context(command)):
        if isinstance(parameter, click.Option) and "--help" not in parameter.opts:
            yield from (option for option in parameter.opts if option.startswith("--"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_its_options_are_described(name: str) -> None:
    part = section(CLI, name)
    assert f"`python -m harness {name}" in part
    described = {option.split()[0] for row in rows(part) for option in coded(row[0])}
    assert described == set(options(name))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_shows_every_command(name: str) -> None:
    assert f"python -m harness {name}" in section(text("README.md"), "Use")


def test_every_metric_is_described_with_its_unit_and_direction() -> None:
    described = {row[0].strip("`"): row[1:4] for row in rows(section(METHOD, "Metrics"))}
    assert described == {m.name: [m.title, m.unit, m.better] for m in COLUMNS.values()}


def test_every_metric_is_defined_in_the_words_of_its_docstring() -> None:
    described = {row[0].strip("`"): row[4].casefold() for row in rows(section(METHOD, "Metrics"))}
    assert described == {
        metric.name: metric.definition.removesuffix(".").casefold() for metric in COLUMNS.values()
    }


def test_every_least_effect_is_described() -> None:
    described = {
        name: row[1] for row in rows(section(METHOD, "What changed")) for name in coded(row[0])
    }
    known = {
        name: "not judged" if metric.effect is None else f"{metric.effect:.0%}".replace("%", " %")
        for name, metric in COLUMNS.items()
    }
    assert described == known


def test_every_finding_is_described() -> None:
    described = {row[0].strip("`") for row in rows(section(METHOD, "Findings"))}
    assert described == {*WINDOW_RULES, *RUN_RULES}


def test_every_shape_is_described() -> None:
    assert set(shape_names()) - coded(section(METHOD, "The same load for all")) == set()


def test_every_field_of_a_launcher_s_declaration_is_described() -> None:
    part = section(text("docs/launchers.md"), "What it declares")
    described = {row[0].strip("`") for row in rows(part)}
    assert described == {field.name for field in fields(Launching)}


def test_every_judge_is_described() -> None:
    described = {row[0] for row in rows(text("docs/your-model.md"))}
    assert {f"`{name}`" for name in judges.names()} - described == set()


def test_every_key_of_a_benchmark_is_described() -> None:
    known = coded(section(text("docs/your-model.md"), "What the files must say"))
    assert {*BenchmarkTable.model_fields, *ProfileTable.model_fields} - known == set()


def test_every_key_of_a_price_table_is_described() -> None:
    described = {
        row[0].strip("`") for row in rows(section(text("docs/cost.md"), "The price table"))
    }
    assert described == {*RentedMachine.model_fields, *Serverless.model_fields}


def test_every_variant_and_benchmark_is_in_the_readme() -> None:
    shown = {name for name in catalog.variants() if not name.startswith("_")}
    assert {*shown, *catalog.benchmarks()} - coded(text("README.md")) == set()


def test_every_guide_is_in_the_table_of_fair_settings() -> None:
    shown = {
        row[0].strip("`"): re.sub(r"^\[.*\]\((.*)\)$", r"\1", row[1])
        for row in rows(section(text("docs/fairness.md"), "The servers"))
    }
    guides = {name: server.table.guide for name, server in catalog.servers().items()}
    assert shown == {name: guide for name, guide in guides.items() if guide}


def test_every_preset_is_in_the_readme() -> None:
    assert set(catalog.presets()) - coded(text("README.md")) == set()


def test_every_environment_variable_is_described() -> None:
    code = [*paths.PROJECT.glob("harness/**/*.py"), *paths.PROJECT.glob("servers/**/*.py")]
    read = {name for path in code for name in re.findall(r"HARNESS_[A-Z_]+", path.read_text())}
    read = {re.sub(r"_[A-Z_]+_PORT$", "_NAME_PORT", name) for name in read}
    assert read - coded(section(CLI, "Environment variables")) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(paths.PROJECT)))
def test_every_link_leads_to_a_file_and_heading(page: Path) -> None:
    links = LINK.findall(without_code(page.read_text(encoding="utf-8")))
    dead = [link for link in links if not re.match(r"[a-z]+:", link) and not leads(page, link)]
    assert dead == []


def leads(page: Path, link: str) -> bool:
    """Whether a link of a page leads to a file, and to a heading of it where it names one."""
    name, _, anchor = link.partition("#")
    goal = page.parent / name if name else page
    if not goal.exists():
        return False
    return not anchor or anchor in anchors(goal.read_text(encoding="utf-8"))


def anchors(page: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    heads = re.findall(r"^#+ (.*)$", page, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(paths.PROJECT)))
def test_text_is_wrapped_at_100_columns(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 100 and not line.startswith("|")] == []
