"""Names as people give them: one by one, by patterns, with some left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from harness.base.errors import UsageError, unknown
from harness.cli._asked import Asked, parsed
from harness.setup import catalog
from harness.setup.catalog import Variant


def matching(kind: str, given: Iterable[str], known: Mapping[str, Any]) -> list[str]:
    """The names, each once; a pattern stands for all that it matches, but for those for tests.

    Raises UsageError for a pattern that matches nothing.
    """
    return list(dict.fromkeys(name for text in given for name in _matched(kind, text, known)))


def variants(given: Iterable[str | Asked], known: Mapping[str, Variant]) -> list[Asked]:
    """The same of variants, by the launchers that are named with them."""
    found = [
        replace(asked, name=name)
        for asked in map(parsed, given)
        for name in _matched("variant", asked.name, known)
    ]
    return list(dict.fromkeys(found))


def _matched(kind: str, text: str, known: Mapping[str, Any]) -> list[str]:
    if not _is_pattern(text):
        return [text]
    names = [name for name in known if fnmatchcase(name, text) and _meant(name, text)]
    if not names:
        shown = ", ".join(name for name in known if _meant(name, text))
        raise UsageError(f"No {kind} matches {text!r}. Known: {shown or 'none'}.")
    return names


def without(
    chosen: list[Variant], exclude: tuple[str, ...], known: Mapping[str, Variant]
) -> list[Variant]:
    """The variants that no pattern of `exclude` matches. Raises UsageError."""
    for pattern in exclude:
        own = parsed(pattern).name
        if not _is_pattern(own):
            if own not in known:
                raise unknown("variant", own, known)
            if known[own].table.is_floor:
                raise UsageError(
                    f"--exclude: {own} is a reference point, which is always measured."
                )
    kept = [
        v
        for v in chosen
        if not any(fnmatchcase(v.name, p) or fnmatchcase(v.table.name, p) for p in exclude)
    ]
    if chosen and not kept:
        raise UsageError(f"--exclude leaves no variant: {', '.join(v.name for v in chosen)}.")
    return kept


def on_track(chosen: list[Variant], track: str) -> list[Variant]:
    """The track's variants and the reference points. Raises UsageError if the track has none."""
    kept = [v for v in chosen if v.table.track == track or v.table.inside]
    measured = [v for v in chosen if not v.table.is_floor]
    if measured and not any(v in kept for v in measured):
        said = ", ".join(f"{v.name} is {v.table.track}" for v in measured)
        raise UsageError(f"--track {track}: no requested variant is on it: {said}.")
    return kept


def off_track(
    names: tuple[str | Asked, ...], exclude: tuple[str, ...], track: str | None
) -> tuple[tuple[str, str], ...]:
    """(variant that was named, why it is not measured) for those on another track."""
    known = catalog.variants()
    if track is None:
        return ()
    chosen = {str(asked): known[asked.name] for asked in variants(names, known)}
    return tuple(
        (name, f"its track is {v.table.track}, and --track asks for {track}")
        for name, v in chosen.items()
        if v.table.track != track and not v.table.is_floor
        if not any(fnmatchcase(name, pattern) for pattern in exclude)
    )


def _is_pattern(text: str) -> bool:
    return any(char in text for char in "*?[")


def _meant(name: str, pattern: str) -> bool:
    """A variant for tests is meant by a pattern that begins as its name does."""
    return name.startswith("_") == pattern.startswith("_")
