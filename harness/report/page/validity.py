"""A mark for each row: whether its numbers may be relied on, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analyse.field import missing
from harness.analyse.field.comparison import COLUMNS, Row
from harness.analyse.run.findings import Verdict
from harness.report.page import view
from harness.report.text import outcomes

_SHOWN = 3  # doubts in the mark; the variant's page has all
_LONGEST = 220  # letters of one
_BESIDE = ("cpu_per_1000", "memory")  # what stands in the row beside the figure


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidityMark:
    """The mark of a row, and its text when it is touched."""

    kind: str  # "ok", "note", "warning", "invalid" or "failed"
    sign: str
    word: str
    lines: tuple[str, ...]


def of_row(row: Row) -> ValidityMark:
    """The mark of a row."""
    lines = list(dict.fromkeys([*_mishaps(row), *_doubts(row)]))
    shown = [_short(line) for line in lines[:_SHOWN]]
    if len(lines) > _SHOWN:
        shown.append(f"{len(lines) - _SHOWN} more on its page.")
    kind, sign, word = _kind(row)
    if not shown:
        shown = [f"{_counted(row)}; no reason was found to doubt its numbers."]
    gaps = [(COLUMNS[name].title, missing.why(row, name)) for name in _BESIDE]
    shown += [f"No {title}: {why}." for title, why in gaps if why]
    return ValidityMark(kind=kind, sign=sign, word=word, lines=tuple(shown))


def kinds_of(row: Row) -> list[outcomes.RepeatedFinding]:
    """The warnings to look at before relying on a row: one of each kind."""
    found: dict[str, outcomes.RepeatedFinding] = {}
    for doubt in outcomes.doubts(row):
        if doubt.verdict is Verdict.WARNING:
            found.setdefault(doubt.name, doubt)
    return list(found.values())


def _kind(row: Row) -> tuple[str, str, str]:
    known = {doubt.name: doubt.verdict for doubt in outcomes.doubts(row)}
    warnings = len(kinds_of(row))
    if row.invalid:
        return ("failed", "✕", "failed") if row.failures else ("invalid", "✕", "INVALID")
    if row.counted < row.rounds:
        return "warning", "!", f"{row.counted} of {row.rounds} rounds"
    if warnings:
        return "warning", "!", view.plural(warnings, "warning")
    if known:
        return "note", "✓", view.plural(len(known), "note")
    return "ok", "✓", "valid"


def _counted(row: Row) -> str:
    return "Its only round counts" if row.counted == 1 else f"All {row.counted} rounds count"


def _mishaps(row: Row) -> list[str]:
    return [f"{found.what}: {found.why}" for found in outcomes.mishaps(row)]


def _doubts(row: Row) -> list[str]:
    """One of each kind: it is the same in other rounds and windows, with other numbers."""
    found: dict[str, str] = {}
    for doubt in outcomes.doubts(row):
        if doubt.verdict is not Verdict.INVALID:
            found.setdefault(doubt.name, f"{doubt.name}: {doubt.message}")
    return list(found.values())


def _short(line: str) -> str:
    text = " ".join(str(view.clean(line)).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
