"""The knobs of a variant: its `[variant.knobs]`, and the variant that a setting makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self, TypeVar

from pydantic import Field, StrictFloat, StrictInt, StrictStr, model_validator

from harness.base import toml

Value = StrictInt | StrictFloat | StrictStr
Setting = Mapping[str, Value]  # by the knob's name
Space = Mapping[str, tuple[Value, ...]]

COMMAND = "command"
_ENVIRONMENT = "environment."
_WHOLE = ("workers", "threads", "batching.max_size")
_WAIT = "batching.wait_ms"
_MOST_VALUES = 100


class RangeTable(toml.Strict):
    """Values by a rule: from the lowest to the highest, each `times` or `plus` the one before."""

    lowest: StrictInt | StrictFloat
    highest: StrictInt | StrictFloat
    times: StrictInt | StrictFloat | None = Field(default=None, gt=1)
    plus: StrictInt | StrictFloat | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_rule(self) -> RangeTable:
        if (self.times is None) == (self.plus is None):
            raise ValueError("give either 'times' or 'plus'")
        if self.lowest > self.highest or (self.times is not None and self.lowest <= 0):
            raise ValueError("'lowest' must not exceed 'highest', and be above 0 for 'times'")
        if len(self.values) > _MOST_VALUES:
            raise ValueError(f"it has more than {_MOST_VALUES} values")
        return self

    @property
    def values(self) -> tuple[Value, ...]:
        found: list[Value] = []
        value = self.lowest
        while value <= self.highest and len(found) <= _MOST_VALUES:
            found.append(value)
            value = value * self.times if self.times is not None else value + (self.plus or 1)
        return tuple(found)


class KnobTable(toml.Strict):
    """One `[variant.knobs.NAME]`: what it sets, and the values that `tune` may try."""

    sets: str
    values: tuple[Value, ...] = ()
    range: RangeTable | None = None
    default: Value | None = None  # of what the variant's other keys say nothing of

    @model_validator(mode="after")
    def _has_values(self) -> KnobTable:
        if bool(self.values) == (self.range is not None):
            raise ValueError("give either 'values' or 'range'")
        known = (*_WHOLE, _WAIT, COMMAND)
        named = self.sets.startswith(_ENVIRONMENT) and self.sets[len(_ENVIRONMENT) :]
        if self.sets not in known and not (named and named.isidentifier()):
            raise ValueError(f"'sets' must be one of {', '.join(known)} or environment.VARIABLE")
        for value in self.all_values:
            self._require_fit(value)
        return self

    @property
    def all_values(self) -> tuple[Value, ...]:
        """In the order in which they are neighbours."""
        return self.range.values if self.range is not None else self.values

    def _require_fit(self, value: Value) -> None:
        if self.sets in _WHOLE and not (isinstance(value, int) and value > 0):
            raise ValueError(f"{self.sets} takes whole numbers above 0, not {value!r}")
        if self.sets == _WAIT and (isinstance(value, str) or value < 0):
            raise ValueError(f"{self.sets} takes numbers from 0 on, not {value!r}")


class Batching(toml.Strict):
    """Knobs of a variant that merges requests."""

    max_size: int = Field(gt=0)
    wait_ms: float | None = Field(default=None, ge=0)  # None: the framework chooses


class Turnable(Protocol):
    """The part of a variant's table that knobs change."""

    @property
    def knobs(self) -> dict[str, KnobTable]: ...
    @property
    def command(self) -> tuple[str, ...]: ...
    @property
    def environment(self) -> dict[str, str]: ...
    @property
    def workers(self) -> int: ...
    @property
    def threads(self) -> int | None: ...
    @property
    def batching(self) -> Batching | None: ...
    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self: ...


_Table = TypeVar("_Table", bound=Turnable)


def problem(table: Turnable) -> str | None:
    """The error in a variant's knobs, together with its other keys; None if there is none."""
    for name, knob in table.knobs.items():
        twice = [n for n, k in table.knobs.items() if k.sets == knob.sets != COMMAND and n != name]
        if twice:
            return f"knobs {name!r} and {twice[0]!r} both set {knob.sets}"
        if knob.sets == COMMAND and not any(f"{{{name}}}" in part for part in table.command):
            return f"knob {name!r} sets the command, which has no {{{name}}}"
        # Threads are the benchmark's, where the variant has none of its own.
        known = knob.sets == "threads" or today_of(name, table) is not None
        if known and knob.default is not None:
            return f"knob {name!r}: the variant already sets {knob.sets}: leave out 'default'"
        if not known and knob.default is None:
            return f"knob {name!r}: the variant does not set {knob.sets}: give a 'default'"
    return None


def today_of(name: str, table: Turnable) -> Value | None:
    """The value that the variant's other keys give to a knob's target; None if they give none."""
    sets = table.knobs[name].sets
    if sets.startswith(_ENVIRONMENT):
        return table.environment.get(sets.removeprefix(_ENVIRONMENT))
    batching = table.batching
    known: dict[str, Value | None] = {
        "workers": table.workers,
        "threads": table.threads,
        "batching.max_size": batching.max_size if batching else None,
        _WAIT: batching.wait_ms if batching else None,
    }
    return known.get(sets)


def defaults(table: Turnable, threads: int) -> dict[str, Value]:
    """Today's setting; `threads` are the benchmark's."""
    found: dict[str, Value] = {}
    for name, knob in table.knobs.items():
        today = today_of(name, table)
        if today is None:
            today = threads if knob.sets == "threads" else knob.default
        assert today is not None  # `problem` has refused it
        found[name] = _alike(today, knob.all_values)
    return found


def space(table: Turnable, threads: int) -> dict[str, tuple[Value, ...]]:
    """The values of each knob, today's among them."""
    found: dict[str, tuple[Value, ...]] = {}
    for name, today in defaults(table, threads).items():
        values = dict.fromkeys((*table.knobs[name].all_values, today))
        numeric = all(not isinstance(value, str) for value in values)
        found[name] = tuple(sorted(values, key=float) if numeric else values)
    return found


def filled(table: Turnable) -> dict[str, str]:
    """The values of knobs' placeholders in a command that is not tuned."""
    return {name: str(knob.default) for name, knob in table.knobs.items() if knob.sets == COMMAND}


def turned(table: _Table, setting: Setting, **more: Any) -> _Table:
    """The variant with that setting, and without knobs; `more` are further keys of it."""
    changed: dict[str, Any] = {"knobs": {}, **more}
    environment, command = dict(table.environment), table.command
    batching = table.batching.model_dump() if table.batching else {}
    for name, value in setting.items():
        sets = table.knobs[name].sets
        if sets == COMMAND:
            command = tuple(part.replace(f"{{{name}}}", str(value)) for part in command)
        elif sets.startswith(_ENVIRONMENT):
            environment[sets.removeprefix(_ENVIRONMENT)] = str(value)
        elif sets.startswith("batching."):
            batching[sets.removeprefix("batching.")] = value
        else:
            changed[sets] = value
    changed |= {"environment": environment, "command": command}
    if table.batching is not None:
        changed["batching"] = Batching(**batching)
    return table.model_copy(update=changed)


def said(setting: Setting) -> str:
    """The setting as text, such as `workers 2, batch 8`."""
    return ", ".join(f"{name} {value}" for name, value in setting.items())


def _alike(value: Value, others: tuple[Value, ...]) -> Value:
    """The one of the others that it equals, as text too: an environment holds text alone."""
    return next((other for other in others if other == value or str(other) == str(value)), value)
