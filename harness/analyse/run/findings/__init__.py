"""Doubts about a run, as values: one function a rule, which states its limit with the reason."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from harness.stored.hosts import HostProof
from harness.stored.records import Run, Window


class Verdict(StrEnum):
    """How much a finding weighs."""

    NOTE = "note"
    WARNING = "warning"
    INVALID = "INVALID"  # the number must not be quoted


@dataclass(frozen=True, slots=True)
class Finding:
    """One doubt, in plain words."""

    name: str
    verdict: Verdict
    message: str


WindowRule = Callable[[Window, HostProof | None], Iterator[tuple[Verdict, str]]]
RunRule = Callable[[Run, int], Iterator[tuple[Verdict, str]]]
WINDOW_RULES: dict[str, WindowRule] = {}
RUN_RULES: dict[str, RunRule] = {}


def _name(rule: Callable[..., object]) -> str:
    return getattr(rule, "__name__", "").replace("_", "-")


def window_rule(rule: WindowRule) -> WindowRule:
    """Register a rule on a window, under the function's name."""
    WINDOW_RULES[_name(rule)] = rule
    return rule


def run_rule(rule: RunRule) -> RunRule:
    """Register a rule on a whole run, under the function's name."""
    RUN_RULES[_name(rule)] = rule
    return rule


def of_window(window: Window, proof: HostProof | None = None) -> list[Finding]:
    """What is doubtful in one window."""
    return [
        Finding(name, verdict, message)
        for name, rule in WINDOW_RULES.items()
        for verdict, message in rule(window, proof)
    ]


def of_run(run: Run, to_verify: int, proof: HostProof | None = None) -> list[Finding]:
    """What is doubtful in a run, window by window; so many answers were to be verified first."""
    found = [
        Finding(name, verdict, message)
        for name, rule in RUN_RULES.items()
        for verdict, message in rule(run, to_verify)
    ]
    for window in run.profiles:
        for finding in of_window(window, proof):
            place = f"{window.facts.profile.name}: {finding.message}"
            found.append(Finding(finding.name, finding.verdict, place))
    return found


for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
