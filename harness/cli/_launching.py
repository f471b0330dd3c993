"""Options that launchers add to the commands that start servers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import UsageError

if TYPE_CHECKING:
    from harness.measure.launch.launchers import Option

_FLAG: dict[str, Any] = {"is_flag": True, "flag_value": "yes", "default": None, "type": str}


class LaunchingCommand(click.Command):
    """A command that takes the options of every launcher beside its own."""

    def takes(self, launcher: str, flag: str) -> bool:
        """Whether it takes that option of that launcher."""
        del launcher, flag
        return True

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        taken = {name for param in own for name in param.opts}
        added: list[click.Parameter] = []
        for launcher, option in _options():
            if not self.takes(launcher, flag := _flag(option)):
                continue
            if flag in taken:
                raise UsageError(
                    f"The launcher {launcher!r} has an option {flag}, which another launcher or "
                    "the command has too: it must have another name."
                )
            taken.add(flag)
            shown, kind = option.default or None, _FLAG if option.flag else {}
            names = [flag, option.parameter]
            made = click.Option(names, help=option.help, show_default=shown, **kind)
            added.append(made)
        # Before --help, which comes last.
        place = next((i for i, param in enumerate(own) if "--help" in param.opts), len(own))
        return [*own[:place], *added, *own[place:]]


def given(options: Mapping[str, Any]) -> dict[str, str]:
    """The given values of all launchers' options, by parameter."""
    names = {option.parameter for _, option in _options()}
    return {n: value for n, value in options.items() if n in names and value is not None}


def require_used(given: Mapping[str, str], launchers: Iterable[str]) -> None:
    """Raises UsageError for an option of a launcher that brings nothing up."""
    used = set(launchers)
    for launcher, option in _options():
        if option.parameter in given and launcher not in used:
            raise UsageError(f"{_flag(option)} goes with --launcher {launcher}.")


def _options() -> Iterator[tuple[str, Option]]:
    from harness.measure.launch import launchers

    for name, found in launchers.registered().items():
        for option in found.options:
            yield name, option


def _flag(option: Option) -> str:
    return f"--{option.name}"
