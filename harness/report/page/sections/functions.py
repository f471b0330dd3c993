"""Functions: what cold starts cost, what a burst meets, and from which rate a server is cheaper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.analyse.field import start_parts
from harness.analyse.field.comparison import COLUMNS, Comparison, Row, counted
from harness.analyse.field.start_parts import Cold, ColdStarts
from harness.analyse.run.cold_starts import PARTS
from harness.analyse.run.invoked import BurstSeen
from harness.analyse.statistics.stats import Spread
from harness.report.draw import colours, instances_chart, start_plot
from harness.report.draw.colours import Look
from harness.report.page import break_even, function_sweeps, subjects, view
from harness.report.page.sections import Values, section
from harness.report.page.view import Report
from harness.stored.starts import IDLE, PROCESS

_OFTEN = 0.5  # a part that takes more than this share is said to take most
_BURST = (
    *("burst_cold", "burst_throttled", "burst_p50", "burst_p95", "burst_p99"),
    "burst_instances",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartLine:
    """The starts of a variant at one temperature, as text: (median, its interval)."""

    variant: str
    temperature: str
    samples: int
    thrown_away: int
    cells: tuple[tuple[str, str], ...]  # the parts, then the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstLine:
    """A burst, as text."""

    variant: str
    load: str
    limit: str
    requests: str
    answered: str
    cells: tuple[tuple[str, str], ...]  # (number, range over the rounds)


@section("Functions", order=34)
def functions(report: Report) -> Values | None:
    looks = colours.of_variants(report.comparisons)
    found = [_benchmark(report, each, looks) for each in report.comparisons]
    benchmarks = [each for each in found if each is not None]
    sweeps = function_sweeps.of_report(report, looks)
    if not benchmarks and not sweeps:
        return None
    return {
        "benchmarks": benchmarks,
        "sweeps": sweeps,
        "parts": [title for _, title in start_plot.TITLES.values()],
        "burst_columns": [COLUMNS[name] for name in _BURST],
    }


def _benchmark(
    report: Report, comparison: Comparison, looks: dict[str, Look]
) -> dict[str, Any] | None:
    rows = [r for r in comparison.rows if r.server.function is not None and r.cell.point is None]
    measured = [row for row in rows if row.measured and not row.invalid]
    started = [(row, s) for row in measured if (s := start_parts.of_row(row)) is not None]
    burst = [(row, found) for row in measured if (found := _burst(row)) is not None]
    price = break_even.of_benchmark(break_even.besides(report, comparison))
    if not started and not burst and price is None:
        return None
    known = subjects.of_comparison(comparison, looks)
    chart = instances_chart.draw([(known[row.variant], each.instances) for row, each in burst])
    return {
        "name": comparison.benchmark,
        "sentences": [*_said(started), *(price["sentences"] if price else [])],
        "starts_svg": _drawn(started),
        "starts": [line for row, each in started for line in _start_lines(row, each)],
        "thrown_away": _thrown_away(started),
        "impossible": _impossible(started),
        "bursts": [_burst_line(row, each) for row, each in burst],
        "burst_chart": chart,
        "price": price,
        "left_out": [row.variant for row in rows if row not in measured],
        "unseen": [row.variant for row in measured if not _seen(row)],
    }


def _seen(row: Row) -> bool:
    """Whether its service recorded anything."""
    runs = [digest.invoked for digest in row.digests if digest.invoked is not None]
    return any(run.windows or run.burst is not None or run.starts is not None for run in runs)


def _said(started: Sequence[tuple[Row, ColdStarts]]) -> list[str]:
    """What a new process costs, and where its time goes."""
    said = []
    for row, found in started:
        cold, idle = found.at(PROCESS), found.at(IDLE)
        if cold is None:
            continue
        name, share = cold.largest
        title = start_plot.TITLES[name][1]
        most = f"{share:.0%} of it {title}"
        if share > _OFTEN:
            most = f"most of it {title} ({share:.0%})"
        beside = f"; an idle one answers in {_ms(idle.whole)}" if idle is not None else ""
        said.append(
            f"{row.variant}: the first answer of a new process takes {_ms(cold.whole)}, {most}"
            f"{beside}."
        )
    return said


def _ms(found: Spread) -> str:
    low, high = (view.number(1e3 * end) for end in (found.low, found.high))
    inside = "" if low == high else f" ({low}–{high})"
    return f"{view.number(1e3 * found.median)} ms{inside}"


def _drawn(started: Sequence[tuple[Row, ColdStarts]]) -> Markup | None:
    shown = [(row.variant, found.known) for row, found in started if found.known]
    if not shown:
        return None
    said = "; ".join(
        f"{name}, {start_plot.NAMES[each.temperature]} {view.number(sum(each.means.values()))}"
        for name, known in shown
        for each in known
    )
    alternative = f"Mean seconds of a start, by its parts: {said}. The table below has each part."
    return start_plot.draw(shown, alternative)


def _start_lines(row: Row, found: ColdStarts) -> list[StartLine]:
    thrown = {each.temperature: each.count for each in found.thrown_away}
    return [
        StartLine(
            variant=row.variant,
            temperature=start_plot.NAMES[each.temperature],
            samples=each.samples,
            thrown_away=thrown.get(each.temperature, 0),
            cells=_start_cells(each),
        )
        for each in found.known
    ]


def _start_cells(found: Cold) -> tuple[tuple[str, str], ...]:
    cells = []
    for spread in (*(found.parts[part] for part in PARTS), found.whole):
        low, high = (view.number(1e3 * end) for end in (spread.low, spread.high))
        cells.append((view.number(1e3 * spread.median), "" if low == high else f"{low}–{high}"))
    return tuple(cells)


def _thrown_away(started: Sequence[tuple[Row, ColdStarts]]) -> list[str]:
    return [
        f"{row.variant}, {start_plot.NAMES[each.temperature]}: "
        f"{view.plural(each.count, 'sample')} thrown away; the last because {each.reason}."
        for row, found in started
        for each in found.thrown_away
    ]


def _impossible(started: Sequence[tuple[Row, ColdStarts]]) -> list[tuple[str, list[str]]]:
    """(what was not possible here and why, the variants)."""
    grouped: dict[str, list[str]] = {}
    for row, found in started:
        reasons: dict[str, list[str]] = {}
        for temperature, reason in found.impossible.items():
            reasons.setdefault(reason, []).append(start_plot.NAMES[temperature])
        for reason, names in reasons.items():
            grouped.setdefault(f"{', '.join(names)}: {reason}", []).append(row.variant)
    return list(grouped.items())


def _burst(row: Row) -> BurstSeen | None:
    """That of the first round that counts and has one."""
    runs = (digest.invoked for digest in counted(row.digests) if digest.invoked is not None)
    return next((run.burst for run in runs if run.burst is not None), None)


def _burst_line(row: Row, found: BurstSeen) -> BurstLine:
    cells = []
    for name in _BURST:
        spread, metric = row.spreads[name], COLUMNS[name]
        text = view.number(spread.median, metric.digits) if spread is not None else view.NONE
        cells.append((text, view.interval(spread, metric)))
    return BurstLine(
        variant=row.variant,
        load=view.NONE if found.rate_per_s is None else f"0 to {view.number(found.rate_per_s)}/s",
        limit=view.NONE if found.most_instances is None else str(found.most_instances),
        requests=f"{found.requests:,}",
        answered=f"{found.answered:,}",
        cells=tuple(cells),
    )
