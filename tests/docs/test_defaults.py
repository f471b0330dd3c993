"""docs/cli.md and `--help` say the same of every option: its default, its choices, what it does."""

from __future__ import annotations

import re

import click
import pytest

from harness.cli import cli
from harness.cli._named import Named
from tests.docs.pages import coded, rows, section, text

CLI = text("docs/cli.md")
CONTEXT = click.Context(cli, info_name="python -m harness")
OPTIONS = [
    pytest.param(name, option, id=f"{name} {option.opts[0]}")
    for name in cli.list_commands(CONTEXT)
    if (command := cli.get_command(CONTEXT, name)) is not None
    for option in command.get_params(CONTEXT)
    if isinstance(option, click.Option) and "--help" not in option.opts
]
each_option = pytest.mark.parametrize(("command", "option"), OPTIONS)


def told(command: str, option: click.Option) -> tuple[str, str]:
    """(its meaning, its default) in the command's table; "" for none."""
    ((_, meaning, *default),) = [
        row
        for row in rows(section(CLI, command))
        if option.opts[0] in [name.split()[0] for name in coded(row[0])]
    ]
    return meaning, default[0] if default else ""


def default_of(option: click.Option) -> str:
    """Its default as a person writes it; "" for none."""
    default = option.default
    if option.is_flag or option.multiple or not isinstance(default, (str, int, float)):
        return ""
    return f"{default:g}" if isinstance(default, float) else str(default)


@each_option
def test_the_defaults_are_the_same(command: str, option: click.Option) -> None:
    _, default = told(command, option)
    literal = re.fullmatch(r"`([^`]+)`|([\d.]+)", default)
    written = (literal[1] or literal[2]).removesuffix(".0") if literal else ""
    found = cli.get_command(CONTEXT, command)
    assert found is not None
    _, help_text = option.get_help_record(click.Context(found)) or ("", "")
    # Without what click puts around a default that is told and not taken.
    shown = re.sub(r"[()]", "", " ".join(help_text.split()))
    if default_of(option):
        assert written == default_of(option), "docs/cli.md"
        assert re.search(r"[\[;] ?default: ", shown), "--help"
    elif written:
        assert re.search(rf"[\[;] ?default: {re.escape(written)}[\];]", shown), "--help"


@each_option
def test_every_option_is_explained(command: str, option: click.Option) -> None:
    meaning, _ = told(command, option)
    assert meaning
    assert option.help or isinstance(option.type, click.Choice)


@each_option
def test_choices_are_shown(command: str, option: click.Option) -> None:
    if isinstance(option.type, Named) and option.type.shown:
        assert option.type.known()
        assert option.make_metavar(CONTEXT) == f"[{'|'.join(option.type.known())}]"
