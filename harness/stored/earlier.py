"""Runs of earlier schemas as the current one has them: no other module knows how they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.windows.kinds import WindowKind


def run(data: dict[str, Any], schema: int) -> dict[str, Any]:
    """The facts of a run in `run.json`, in today's schema.

    Raises TypeError or KeyError if it is not a run at all.
    """
    return _with_kinds(data) if schema < 7 else data


def _with_kinds(data: dict[str, Any]) -> dict[str, Any]:
    """Each kind of window had a place of its own, and its rows came in this order."""
    search, audit = data.get("search"), data.get("audit")
    places = {
        WindowKind.PROFILE: data["windows"],
        WindowKind.PROBE: search["probes"] if search else [],
        WindowKind.STRAIN: data.get("strains", []),
        WindowKind.AUDIT: [audit] if audit else [],
    }
    kept = {name: value for name, value in data.items() if name not in ("strains", "audit")}
    if search:
        kept["search"] = {name: value for name, value in search.items() if name != "probes"}
    return {**kept, "windows": [w for kind, found in places.items() for w in _of(kind, found)]}


def _of(kind: WindowKind, windows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for window in windows:
        yield {**window, "kind": kind}
