"""The table, the verdict, and the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from peers.reports import Report
from peers.tools import OURS
from peers.truth import MS_LIMIT, SHARE_LIMIT, Figures, Truth, judge

_FIGURES = ("p50", "p90", "p99", "max")


@dataclass(frozen=True, slots=True)
class Row:
    """One window of one tool."""

    server: str
    condition: str
    tool: str
    planned: int  # requests of the schedule
    report: Report | None
    why: str  # there is no report
    truth: Truth | None  # None where the server logs nothing
    steal: float | None  # share of the host's CPU time that the hypervisor took meanwhile


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether this driver told the truth of one window, and the figures that say so."""

    condition: str
    doubts: tuple[str, ...]  # none: it passed
    text: str

    @property
    def passed(self) -> bool:
        return not self.doubts


def verdict(row: Row) -> Verdict:
    """On a window of this driver against the truth server."""
    report, truth = row.report, row.truth
    if report is None or truth is None:
        return Verdict(row.condition, (row.why or "no truth was logged",), "")
    doubts, shown = list(_miscounted(row.planned, report, truth)), []
    if report.figures is None or truth.figures is None:
        doubts.append("nothing was answered")
    else:
        for judged in judge(report.figures, truth.figures):
            shown.append(f"{judged.name} {judged.told:.2f} (true {judged.true:.2f})")
            if not judged.passed:
                doubts.append(
                    f"{judged.name} is {judged.told - judged.true:+.2f} ms off, where "
                    f"{judged.limit:.2f} are allowed"
                )
    return Verdict(row.condition, tuple(doubts), ", ".join(shown))


def _miscounted(planned: int, report: Report, truth: Truth) -> Iterator[str]:
    if report.requests != planned:
        yield f"it reports {report.requests} requests of {planned}"
    if truth.missing or truth.double:
        yield f"{truth.missing} requests never reached the server, {truth.double} more than once"
    if report.errors != truth.dropped:
        yield f"it reports {report.errors} failures where the server dropped {truth.dropped}"


def verdicts(rows: Iterable[Row]) -> list[Verdict]:
    """On every window of this driver that has a truth."""
    return [verdict(row) for row in rows if row.tool == OURS and row.truth is not None]


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The table, and the verdict below it."""
    for (server, condition), block in groupby(rows, lambda row: (row.server, row.condition)):
        yield f"{server}, {condition}" if condition else server
        head = "".join(f"{name + ' ms':>11}" for name in _FIGURES)
        yield f"  {'':<14}{head}{'rate/s':>10}{'requests':>10}{'failed':>8}{'steal':>7}"
        for row in block:
            yield from _row(row)
        yield ""
    yield f"This driver beside the truth, at most {SHARE_LIMIT:.0%} or {MS_LIMIT} ms off:"
    for found in verdicts(rows):
        yield f"  {'pass' if found.passed else 'FAIL'}  {found.condition}: {found.text}"
        yield from (f"        {doubt}" for doubt in found.doubts)


def _row(row: Row) -> Iterator[str]:
    report, truth = row.report, row.truth
    if report is None:
        yield f"  {row.tool:<14}no figures: {row.why}"
        return
    steal = "" if row.steal is None else f"{row.steal:.0%}"
    yield (
        f"  {row.tool:<14}{_figures(report.figures)}{report.rate_per_s:>10.1f}"
        f"{report.requests:>10}{report.errors:>8}{steal:>7}"
    )
    if truth is not None:
        since = f"  from {truth.since}"
        yield f"{since:<16}{_figures(truth.figures)}{'':>10}{truth.requests:>10}{truth.dropped:>8}"


def _figures(figures: Figures | None) -> str:
    if figures is None:
        return f"{'-':>11}" * len(_FIGURES)
    return "".join(f"{value:>11.2f}" for value in asdict(figures).values())


def content(rows: Sequence[Row], facts: dict[str, Any]) -> dict[str, Any]:
    """Of the file."""
    return {
        **facts,
        "rows": [asdict(row) for row in rows],
        "verdicts": [{**asdict(found), "passed": found.passed} for found in verdicts(rows)],
    }
