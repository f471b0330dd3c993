"""A campaign file: the options of `run`, as TOML. `--save` writes what `--file` reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import tomli_w
from click.core import ParameterSource

from harness.base import toml
from harness.base.errors import StoreError, UsageError, unknown
from harness.cli import _say

# Options of a single command, which do not belong to later ones that measure the same again.
_NOT_KEPT = ("file", "save", "dry_run", "as_json", "resume", "name")
_WAYS = ("variants", "everything")  # to name variants: one given with the command replaces both


def apply(context: click.Context, options: dict[str, Any]) -> None:
    """Take from `--file` what was not given with the command. Raises UsageError."""
    path = options["file"]
    if options["resume"] and (path or options["save"]):
        flag = "--file" if path else "--save"
        raise UsageError(f"--resume continues a stored plan: leave out {flag}.")
    if path is None:
        return
    known, found = _keys(context), toml.read(path)
    for key, value in found.items():
        if key not in known:
            raise UsageError(f"{path}: {unknown('key', key, known)}")
        param = known[key]
        given = _is_given(context, param.name) or (
            param.name in _WAYS and any(_is_given(context, way) for way in _WAYS)
        )
        if not given:
            options[param.name or ""] = _value(context, param, value, path, key)


def save(context: click.Context, options: dict[str, Any]) -> None:
    """Write what was given, by the command or by `--file`, to `--save`. Raises StoreError."""
    path: Path | None = options["save"]
    if path is None:
        return
    written = dict(_written(context, options, path))
    text = f"# {context.command_path} --file {path.name}\n{tomli_w.dumps(written)}"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"--save: {path} exists already.") from error
    except OSError as error:
        raise StoreError(f"--save: {path} can't be written: {error.strerror}.") from error
    _say.line(f"saved    {path}", err=True)


def _written(
    context: click.Context, options: dict[str, Any], path: Path
) -> Iterator[tuple[str, Any]]:
    for key, param in _keys(context).items():
        value = options[param.name or ""]
        if value == param.get_default(context) or value in (None, (), False):
            continue
        parts = [_relative(part, path) for part in _all(value)]
        yield key, parts if isinstance(value, tuple) else parts[0]


def _keys(context: click.Context) -> dict[str, click.Parameter]:
    """Each parameter that a file may hold, by its key: an option's name without the dashes."""
    return {
        param.opts[0].removeprefix("--"): param
        for param in context.command.get_params(context)
        if param.name not in _NOT_KEPT and "--help" not in param.opts
    }


def _is_given(context: click.Context, name: str | None) -> bool:
    source = context.get_parameter_source(name or "")
    return source is ParameterSource.COMMANDLINE and bool(context.params.get(name or "", True))


def _value(context: click.Context, param: click.Parameter, value: Any, path: Path, key: str) -> Any:
    """A value of the file as the command line would have it; a path in it is relative to it.

    Raises UsageError.
    """
    where = f"{path}: key {key!r}"
    if isinstance(param, click.Option) and param.is_flag:
        if not isinstance(value, bool):
            raise UsageError(f"{where}: write true or false.")
        return value
    many = param.multiple or param.nargs == -1
    parts = value if isinstance(value, list) and many else [value]
    if not all(
        isinstance(part, (str, int, float)) and not isinstance(part, bool) for part in parts
    ):
        wanted = "a list of texts" if many else "a text or a number"
        raise UsageError(f"{where}: write {wanted}.")
    try:
        texts = [_text(part) for part in parts]
        if isinstance(param.type, click.Path):
            texts = [str(path.parent / text) for text in texts]
        made = [param.type.convert(text, param, context) for text in texts]
    except click.UsageError as error:
        raise UsageError(f"{where}: {error.message}") from error
    return tuple(made) if many else made[0]


def _text(value: str | int | float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _all(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _relative(value: Any, path: Path) -> Any:
    return os.path.relpath(value, path.parent) if isinstance(value, Path) else value
