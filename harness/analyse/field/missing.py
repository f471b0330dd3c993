"""The reasons for missing numbers, and for a ranking by another metric than usual. Pure functions.

A missing number is never zero, and never without a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.analyse.field.comparison import COLUMNS, RANKED_BY, Comparison, Row, contends
from harness.analyse.run.digested import Curve, Digest
from harness.analyse.run.metrics import SHARES
from harness.analyse.statistics import stats

_NO_CALL = "no predictor call was seen"
_NO_START = "it was not started here"
_USAGE = ("cpu_per_1000", "memory")
_PLAIN = {
    "overhead": "no in-process run to compare with",
    "cpu_per_1000": "its CPU time could not be read",
    "memory": "its memory could not be read",
    "model_time": _NO_CALL,
    "batch_size": _NO_CALL,
    "ready": _NO_START,
    "first_answer": _NO_START,
    "error_rate": "it has no window",
}


@dataclass(frozen=True, slots=True)
class Lack:
    """Why variants are not ranked by a column that would come before."""

    column: str
    why: str

    @property
    def text(self) -> str:
        """In words."""
        return f"{COLUMNS[self.column].title}: {self.why}"


def why(row: Row, column: str) -> str:
    """Why a row has no number in a column; empty where it has one."""
    if row.spreads[column] is not None:
        return ""
    if not row.measured:
        return "nothing was measured"
    if column in row.beyond:
        return row.beyond[column]
    if column in SHARES:
        return _too_few(row, column)
    if column in _USAGE and not row.server.way.usage:
        return "its launcher does not report it"
    special: dict[str, Callable[[Row], str]] = {
        "capacity": _no_capacity,
        "throughput": _no_throughput,
        "steady_after": _never_steady,
    }
    if column in special:
        return special[column](row)
    return _PLAIN.get(column, "not measured")


def answers(rows: Iterable[Row]) -> int | None:
    """Answers behind the percentiles of the row that has fewest: of its best round's steady
    window; None where none has such a window."""
    known = [
        max(found)
        for row in rows
        if (found := [c.answers for d in _counted(row) if (c := _steady(d)) is not None])
    ]
    return min(known, default=None)


def passed_over(comparison: Comparison) -> tuple[Lack, ...]:
    """The columns that come before the one that the comparison is ranked by, with the reason."""
    contenders = [row for row in comparison.rows if contends(row)]
    found = []
    for column in RANKED_BY[: RANKED_BY.index(comparison.ranked_by)]:
        lacking = [row for row in contenders if row.spreads[column] is None]
        if lacking:
            found.append(Lack(column, _lacking(column, lacking, len(contenders))))
    return tuple(found)


def _lacking(column: str, rows: list[Row], among: int) -> str:
    reasons = list(dict.fromkeys(why(row, column) for row in rows))
    names = ", ".join(row.variant for row in rows[:3])
    if len(rows) > 3:
        names += f" and {len(rows) - 3} more"
    if column in SHARES and not any(column in row.beyond for row in rows):
        fewest = answers(rows)
        if fewest is not None:
            needed = stats.needed(SHARES[column])
            whom = "" if len(rows) == among else f" of {names}"
            return f"{fewest} answers{whom}, {needed} needed"
    if len(reasons) == 1:
        return reasons[0] if len(rows) == among else f"{reasons[0]}, of {names}"
    return f"not known of {names}"


def _too_few(row: Row, column: str) -> str:
    have = answers([row])
    if have is None:
        return "it has no steady window"
    return f"{have} answers, {stats.needed(SHARES[column])} needed"


def _no_capacity(row: Row) -> str:
    if not any(digest.found for digest in _counted(row)):
        return "no capacity was searched for"
    return "too few requests, or every probe of its search was disturbed"


def _no_throughput(row: Row) -> str:
    profiles = [w.profile for d in _counted(row) for w in d.facts.profiles]
    if not any(profile.saturates for profile in profiles):
        return "it has no saturated window"
    return "nothing was answered in the saturated window"


def _never_steady(row: Row) -> str:
    warmed = [d.facts.warm_up for d in _counted(row) if d.facts.warm_up is not None]
    return "its times did not agree before the warm-up ended" if warmed else "no warm-up was seen"


def _counted(row: Row) -> list[Digest]:
    return [d for d in row.digests if not d.invalid] or list(row.digests)


def _steady(digest: Digest) -> Curve | None:
    return next((curve for curve in digest.curves if curve.is_open), None)
