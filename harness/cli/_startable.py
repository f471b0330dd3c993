"""Variants by their launchers: those that are named, or each variant's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.base.errors import NothingRan
from harness.cli import _launching, _say
from harness.cli._asked import Asked, parsed
from harness.measure.launch import launchers
from harness.setup import launching
from harness.setup.catalog import Variant, pick
from harness.setup.launching import PROCESS


def launched(
    asked: Asked, known: dict[str, Variant], ways: tuple[str, ...], *, usual: bool = False
) -> list[Variant]:
    """A variant that is asked for, once for each launcher; `usual`: nobody has named these."""
    variant: Variant = pick("variant", asked.name, known)
    way = asked.launcher
    for found in (way, *ways):
        if found:
            pick("launcher", found, dict(launchers.registered()))
    if variant.table.is_floor:
        return [variant]
    # A running endpoint needs no launcher; variants beside it use the usual one.
    starting = [w if launching.of(w).starts else PROCESS for w in ways]
    if variant.table.launchers:
        own = variant.launcher
        starting = [own if usual or w == PROCESS else w for w in starting]
    return [replace(variant, launcher=w) for w in dict.fromkeys([way] if way else starting)]


def with_warnings(
    chosen: list[Variant], names: tuple[str | Asked, ...], options: dict[str, Any]
) -> list[Variant]:
    """The variants that are `startable`; of the others the reason is said."""
    kept, absent = startable(chosen, names, options)
    for name, reason in absent:
        _say.line(f"left out: {name}: {reason}", err=True)
    return kept


def startable(
    chosen: list[Variant], names: tuple[str | Asked, ...], options: dict[str, Any]
) -> tuple[list[Variant], tuple[tuple[str, str], ...]]:
    """(the variants; those that were not named one by one, and whose own launcher can't be used
    here, with the reason). Raises NothingRan where that leaves none."""
    meant = {str(asked) for asked in map(parsed, names)}
    reasons: dict[str, str | None] = {}
    kept, absent = [], []
    for variant in chosen:
        way = variant.launcher
        if not variant.table.launchers or variant.name in meant or way in options["launchers"]:
            kept.append(variant)
            continue
        if way not in reasons:
            made = launchers.registered()[way].made(_launching.given(options))
            reasons[way] = made.why_not(options["device"])
        if reasons[way] is None:
            kept.append(variant)
        else:
            absent.append(
                (variant.name, f"the launcher {way!r} can't be used here: {reasons[way]}")
            )
    if absent and all(variant.table.is_floor for variant in kept):
        raise NothingRan(f"No variant can be started: {absent[0][1]}.")
    return kept, tuple(absent)
