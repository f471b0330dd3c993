"""Doubts about a run, as values: one function a rule, which states its limit with the reason."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from harness.analyse.run.context import RunContext, WindowContext
from harness.stored.records import Window
from harness.windows.kinds import WindowKind


class Verdict(StrEnum):
    """How much a finding weighs."""

    NOTE = "note"
    WARNING = "warning"
    INVALID = "INVALID"  # the number must not be quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One doubt, in plain words."""

    name: str
    verdict: Verdict
    message: str
    window: str = ""  # the profile that it is about, by name; empty: the whole run, or others


Said = Iterator[tuple[Verdict, str]]
WindowRule = Callable[[WindowContext], Said]
RunRule = Callable[[RunContext], Said]


@dataclass(frozen=True, slots=True)
class OnWindows:
    """A rule on windows, and the kinds of windows that it judges."""

    rule: WindowRule
    kinds: tuple[WindowKind, ...]


PROFILE = (WindowKind.PROFILE,)
# Fired at a planned rate, so that the generator and the host matter in them as in a profile.
PLANNED = (
    *PROFILE,
    *(WindowKind.PROBE, WindowKind.STRAIN, WindowKind.REPLACEMENT, WindowKind.CHANGE),
)
EVERY = tuple(WindowKind)
WINDOW_RULES: dict[str, OnWindows] = {}
RUN_RULES: dict[str, RunRule] = {}
_TOLD = 3  # windows that a finding names, of those that are not the run's own


def _name(rule: Callable[..., object]) -> str:
    return getattr(rule, "__name__", "").replace("_", "-")


def window_rule(kinds: tuple[WindowKind, ...]) -> Callable[[WindowRule], WindowRule]:
    """Register a rule on windows of these kinds, under the function's name."""

    def register(rule: WindowRule) -> WindowRule:
        WINDOW_RULES[_name(rule)] = OnWindows(rule, kinds)
        return rule

    return register


def run_rule(rule: RunRule) -> RunRule:
    """Register a rule on a whole run, under the function's name."""
    RUN_RULES[_name(rule)] = rule
    return rule


def of_window(context: WindowContext) -> list[Finding]:
    """Findings on one window."""
    return [
        Finding(name=name, verdict=verdict, message=message)
        for name, judge in WINDOW_RULES.items()
        if context.facts.kind in judge.kinds
        for verdict, message in judge.rule(context)
    ]


def of_run(context: RunContext) -> list[Finding]:
    """Findings on a run, window by window."""
    found = [
        Finding(name=name, verdict=verdict, message=message)
        for name, rule in RUN_RULES.items()
        for verdict, message in rule(context)
    ]
    for window in context.run.profiles:
        own = window.facts.profile.name
        for each in of_window(context.of(window)):
            found.append(
                Finding(
                    name=each.name,
                    verdict=each.verdict,
                    message=f"{own}: {each.message}",
                    window=own,
                )
            )
    for kind in WindowKind:
        if kind is not WindowKind.PROFILE:
            found += _beside(context, context.run.of(kind))
    return found


def _beside(context: RunContext, windows: Iterable[Window]) -> Iterator[Finding]:
    """Findings on windows that do not contribute to the run's own numbers: warnings at most, one of
    each name. The search excludes disturbed probes by itself, so no number is wrong, but less is
    known."""
    doubts: dict[str, list[tuple[str, str]]] = {}
    for window in windows:
        for each in of_window(context.of(window)):
            if each.verdict is not Verdict.NOTE:
                place = (window.facts.profile.name, each.message)
                doubts.setdefault(each.name, []).append(place)
    for name, found in doubts.items():
        (window_name, message), *others = found
        more = ", ".join(other for other, _ in others[: _TOLD - 1])
        if len(others) >= _TOLD:
            more += f" and {len(others) - _TOLD + 1} more"
        also = f" (likewise in {more})" if more else ""
        yield Finding(name=name, verdict=Verdict.WARNING, message=f"{window_name}: {message}{also}")


for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
