"""What servers say of themselves, beside what their clients saw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.analyse.field.comparison import Comparison, Row, counted
from harness.analyse.run import own_latency
from harness.analyse.run.own_latency import OwnEstimate, OwnWindow
from harness.report.draw import colours, own_plot
from harness.report.draw.colours import Look
from harness.report.draw.own_plot import OwnMark
from harness.report.page import view
from harness.report.page.sections import Values, section
from harness.report.page.view import Report
from harness.windows.own_figures import Scrapes

_TITLES = ("p50", "p99")
_WITHIN = "within its bucket"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLine:
    """A window of a variant, as text."""

    variant: str
    window: str
    answered: str
    counted: str
    agrees: bool
    cells: tuple[str, ...]  # p50, p99 and mean, each by the client and by the server
    hidden: str
    spans: str  # what the server times, where that is not the request


@section("What the server says", order=32, short="Server's own")
def own_metrics(report: Report) -> Values | None:
    looks = colours.of_variants(report.comparisons)
    found = [_benchmark(each, looks) for each in report.comparisons]
    benchmarks = [each for each in found if each is not None]
    return {"benchmarks": benchmarks} if benchmarks else None


def _benchmark(comparison: Comparison, looks: dict[str, Look]) -> dict[str, Any] | None:
    rows = [row for row in comparison.rows if row.measured]
    seen = [(row, window) for row in rows for window in _windows(row)]
    if not seen:
        return None
    told = [(row, own) for row, own in seen if own.figures is not None and not row.invalid]
    return {
        "name": comparison.benchmark,
        "svg": _drawn(told, looks),
        "lines": [_line(row, window) for row, window in told],
        "problems": _problems(seen),
        "scrapes": [
            f"{row.variant}, {window.profile}: {_scraped(window.scrapes)}"
            for row, window in seen
            if window.scrapes is not None
        ],
    }


def _windows(row: Row) -> Iterator[OwnWindow]:
    """Each window over the rounds that count."""
    digests = counted(row.digests)
    for profile in dict.fromkeys(own.profile for digest in digests for own in digest.own):
        own = [each for digest in digests for each in digest.own if each.profile == profile]
        found = own_latency.over_rounds(own)
        if found is not None:
            yield found


def _line(row: Row, window: OwnWindow) -> OwnLine:
    server, client, figures = window.server, window.client, window.figures
    latency = figures.latency if figures is not None else None
    spans = latency.spans if latency is not None else ""
    cells = (
        _time(client.p50),
        _time(server.p50),
        _time(client.p99),
        _time(server.p99),
        view.number(client.mean_ms),
        view.number(server.mean_ms),
    )
    return OwnLine(
        variant=row.variant,
        window=window.profile,
        answered=view.number(window.answered),
        counted=view.NONE if figures is None else view.number(figures.requests, 0),
        agrees=window.agrees,
        cells=cells,
        hidden=_hidden(window) if spans == own_latency.REQUEST else view.NONE,
        spans=spans if spans != own_latency.REQUEST else "",
    )


def _time(found: OwnEstimate | None) -> str:
    if found is None:
        return view.NONE
    if found.exact:
        return view.number(found.ms)
    if math.isinf(found.high_ms):
        return f"over {view.number(found.low_ms)}"
    return f"{view.number(found.ms)} ({view.number(found.low_ms)}–{view.number(found.high_ms)})"


def _hidden(window: OwnWindow) -> str:
    """By how much the client's p99 is above the server's own, as far as a bucket tells."""
    server, client = window.server.p99, window.client.p99
    if server is None or client is None:
        return view.NONE
    return _WITHIN if server.holds(client.ms) else view.number(client.ms - server.ms)


def _problems(seen: Sequence[tuple[Row, OwnWindow]]) -> list[str]:
    said = (f"{row.variant}: {window.problem}" for row, window in seen if window.problem)
    return list(dict.fromkeys(said))


def _scraped(scrapes: Scrapes) -> str:
    said = f"asked every {scrapes.every_s:g} s, {scrapes.answered} answers"
    if scrapes.failed:
        said += f", {scrapes.failed} failed"
    longest, size = view.number(1e3 * scrapes.longest_s), view.number(scrapes.bytes / 1024)
    return f"{said}, the longest after {longest} ms, the last of {size} KiB"


def _drawn(told: Sequence[tuple[Row, OwnWindow]], looks: dict[str, Look]) -> Markup | None:
    """The steady windows: of a saturated one, the client's times follow from its concurrency."""
    steady: dict[str, OwnWindow] = {}
    for row, window in told:
        steady.setdefault(row.variant, window)
    groups: dict[str, list[OwnMark]] = {title: [] for title in _TITLES}
    for name, window in steady.items():
        ends = ((window.server.p50, window.client.p50), (window.server.p99, window.client.p99))
        for title, (server, client) in zip(_TITLES, ends, strict=True):
            if server is not None and client is not None:
                groups[title].append(_mark(name, looks[name], server, client.ms))
    shown = {title: marks for title, marks in groups.items() if marks}
    return own_plot.draw(shown, _alternative(shown)) if shown else None


def _mark(name: str, look: Look, server: OwnEstimate, client_ms: float) -> OwnMark:
    return OwnMark(
        name=name, look=look, server=server, client_ms=client_ms, text=view.number(client_ms)
    )


def _alternative(shown: dict[str, list[OwnMark]]) -> str:
    said = "; ".join(
        f"{title} of {mark.name} {mark.text}, by itself {_time(mark.server)}"
        for title, marks in shown.items()
        for mark in marks
    )
    return f"Milliseconds of a request by its client and by its server: {said}."
