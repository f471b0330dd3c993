"""A campaign in which whatever is text was chosen by an enemy."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from harness.analyse.run.digested import Digested
from tests.report.campaigns import IMAGE, SCRIPT

NASTY = f"{SCRIPT}{IMAGE}</pre></style>\"'&amp;{{{{ 7 * 7 }}}}\x00\x1b[31m\u202e"
# Their texts are the program's own words, or name something that must be found again.
_OWN = {"slo", "shape", "ruling", "held", "values", "replicates", "folder"}


def spoiled(value: Any) -> Any:
    """The same value with NASTY at the end of every text in it."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return value + NASTY
    if isinstance(value, tuple):
        return tuple(spoiled(each) for each in value)
    if isinstance(value, dict):
        return {spoiled(key): spoiled(each) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        known = {field.name: getattr(value, field.name) for field in fields(value)}
        kept = {name: each for name, each in known.items() if name not in _OWN}
        return replace(value, **{name: spoiled(each) for name, each in kept.items()})
    return value


def of(digested: Digested) -> Digested:
    """The same campaign, spoiled; where its folder lies is the reader's own."""
    found: Digested = spoiled(digested)
    return found
