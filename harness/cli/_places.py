"""Options that name folders of servers and benchmarks beside the built-in ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.base import paths

Function = TypeVar("Function", bound=Callable[..., Any])
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_VARIABLES = {"more_servers": paths.MORE_SERVERS, "more_benchmarks": paths.MORE_BENCHMARKS}


def options(command: Function) -> Function:
    """Both, for a command that need not know of them."""
    for name in reversed(_VARIABLES):
        command = _option(name, exposed=False)(command)
    return command


def kept(command: Function) -> Function:
    """Both, for a command that keeps its options in a file: `use` what comes from there."""
    for name in reversed(_VARIABLES):
        command = _option(name, exposed=True)(command)
    return command


def use(name: str, folders: Iterable[Path]) -> None:
    """For this process and those that it starts, beside what the variable names."""
    variable = _VARIABLES[name]
    known = paths.more(variable)
    added = [path for each in folders if (path := each.resolve()) not in known]
    if added:
        os.environ[variable] = os.pathsep.join(map(str, (*known, *added)))


def use_all(options: dict[str, Any]) -> None:
    """Both, as the options of a command that keeps them say."""
    for name in _VARIABLES:
        use(name, options[name])


def _option(name: str, *, exposed: bool) -> Callable[[Function], Function]:
    what = name.removeprefix("more_")
    return click.option(
        f"--{what}",
        name,
        type=_FOLDER,
        multiple=True,
        expose_value=exposed,
        is_eager=True,
        callback=_used,
        help=f"Folder with additional {what}; repeatable.",
    )


def _used(_: click.Context, param: click.Parameter, value: tuple[Path, ...]) -> tuple[Path, ...]:
    use(param.name or "", value)
    return value
