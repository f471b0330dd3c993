"""TOML files into pydantic models; what is wrong in one is named by file, key and nearest key."""

from __future__ import annotations

import difflib
import tomllib
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.base import reading
from harness.base.errors import ResultError, UsageError


class Strict(BaseModel):
    """A table of a TOML file. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Strict)


def read(path: Path) -> dict[str, Any]:
    """The file as it is. Raises UsageError where it is missing, or no TOML."""
    try:
        if not path.exists():
            raise UsageError(f"{path} is missing.")
        return tomllib.loads(reading.content(path).decode("utf-8"))
    except ResultError as error:
        raise UsageError(str(error)) from error
    except (RecursionError, ValueError) as error:  # such as text that is not UTF-8, or not TOML
        raise UsageError(f"{path} can't be read as TOML: {error}.") from error


def load(path: Path, model: type[Model], named_by: Sequence[str] = ()) -> Model:
    """The file as that model. Raises UsageError with an argument for each thing that is wrong.

    `named_by` are keys whose values name a row of an array of tables, for those lines.
    """
    return of(read(path), model, str(path), named_by)


def of(data: dict[str, Any], model: type[Model], where: str, named_by: Sequence[str] = ()) -> Model:
    """The same for TOML that is not in a file."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [p for p in error.errors() if not _follows(p, error.errors())]
        lines = [
            f"{where}: {_row(problem['loc'], data, named_by)}{_sentence(problem, model)}"
            for problem in problems
        ]
        raise UsageError(*lines) from error


def _row(place: tuple[int | str, ...], data: dict[str, Any], named_by: Sequence[str]) -> str:
    """The row of an array of tables that contains the place, in words; empty if rows have no
    names."""
    if not named_by or len(place) < 2 or not isinstance(place[1], int):
        return ""
    row = data[str(place[0])][place[1]]
    names = [str(row[key]) for key in named_by if key in row] if isinstance(row, dict) else []
    shown = f" ({', '.join(names)})" if names else ""
    return f"row {place[1] + 1} of [[{place[0]}]]{shown}: "


def _follows(problem: Any, problems: list[Any]) -> bool:
    """Whether an array is too short only because what is in it is wrong."""
    place = problem["loc"]
    inside = [p for p in problems if p["loc"] != place and p["loc"][: len(place)] == place]
    return problem["type"] == "too_short" and bool(inside)


def _sentence(problem: Any, model: type[BaseModel]) -> str:
    place = [str(part) for part in problem["loc"]]
    key = ".".join(place)
    if problem["type"] == "extra_forbidden":
        known = _fields_at(model, problem["loc"][:-1])
        near = difflib.get_close_matches(place[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}."
        return f"unknown key {key!r}; {hint}"
    if problem["type"] == "missing":
        return f"key {key!r} is missing."
    message = problem["msg"].removeprefix("Value error, ")
    return f"key {key!r}: {message}." if key else f"{message}."


def _fields_at(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The known keys of the table that the place leads to."""
    for part in place:
        if isinstance(part, int):
            continue
        field = next((f for name, f in model.model_fields.items() if part in (name, f.alias)), None)
        if field is None:
            continue  # the name of a table among others, as in [preset.quick]
        inner = _model_in(field.annotation)
        if inner is None:
            return []
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)
