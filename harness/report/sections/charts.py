"""Latency, start-up and memory, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from harness.analyse.comparison import Comparison, Row
from harness.report import plots, svg, view
from harness.report.plots import Line
from harness.report.sections import Values, section
from harness.report.sections.verdict import steady_profile
from harness.report.svg import PALETTE
from harness.report.view import Report


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing and its caption."""

    svg: Markup
    title: str
    caption: str
    wide: bool = True


@section("Charts", order=30)
def charts(report: Report) -> Values | None:
    return {"benchmarks": [_benchmark(comparison) for comparison in report.comparisons]}


def _benchmark(comparison: Comparison) -> dict[str, Any]:
    rows = [row for row in comparison.rows if row.measured and not row.invalid]
    drawn = [
        *_distributions(comparison, rows),
        *_startup(comparison, rows),
        *_memory(comparison, rows),
        *_over_time(comparison, rows),
    ]
    drawn_names = {row.variant for row in rows}
    left_out = [row.variant for row in comparison.rows if row.variant not in drawn_names]
    return {"name": comparison.benchmark, "charts": drawn, "left_out": left_out}


def _distributions(comparison: Comparison, rows: Sequence[Row]) -> list[Chart]:
    """One chart for each track: tracks are not compared with each other."""
    drawn = []
    for track in comparison.tracks:
        chosen = [r for r in rows if r.server.reference or r.server.track == track]
        styles = svg.styles([row.variant for row in chosen if not row.server.reference])
        drawable = (plots.distribution(row, styles.get(row.variant)) for row in chosen)
        lines = [line for line in drawable if line is not None]
        if all(line.reference for line in lines):
            continue
        lines = plots.in_sight(lines)
        title = f"Response time by share of requests, track {track}"
        name = f"{comparison.benchmark}/{track}/distribution"
        caption = (
            f"At {_load(comparison)}. Lower is better; further right are the slower requests. "
            "Median over rounds; a curve ends where too few answers lie beyond."
        )
        if len(lines) <= plots.OVERLAID:
            size, plot = plots.overlay_size(lines), _overlay(lines)
            caption += " The number at a curve's end is its last value in ms."
        else:
            size, plot = plots.panels_size(lines), _distribution_panels(lines)
            caption += " The grey band is the span of all variants of the track."
        alternative = f"{title}: {_spoken(lines)}"
        wide = len(lines) > plots.OVERLAID
        drawn.append(Chart(svg.draw(name, size, alternative, plot), title, caption, wide))
    return drawn


def _over_time(comparison: Comparison, rows: Sequence[Row]) -> list[Chart]:
    lines = [line for row in rows if (line := plots.over_time(row)) is not None]
    if not lines:
        return []
    lines = plots.in_sight(lines)
    title = "Response time along the steady window"

    def plot(figure: Figure) -> None:
        plots.panels(figure, lines, lambda _: None, "seconds since the window's start")

    caption = (
        f"At {_load(comparison)}. Thick: median; thin: p95, both per fortieth of the window and "
        "median over rounds. The grey band is the span of all medians. Level is good; rising "
        "means that the server does not keep up."
    )
    name = f"{comparison.benchmark}/over-time"
    alternative = f"{title}, one panel for each of {view.plural(len(lines), 'variant')}"
    return [Chart(svg.draw(name, plots.panels_size(lines), alternative, plot), title, caption)]


def _startup(comparison: Comparison, rows: Sequence[Row]) -> list[Chart]:
    known = [
        (row.variant, ready.median, max(first.median, ready.median))
        for row in rows
        if (ready := row.spreads["ready"]) and (first := row.spreads["first_answer"])
    ]
    if not known:
        return []
    known.sort(key=lambda item: (item[2], item[0]))
    names, ready_s, first_s = zip(*known, strict=True)
    rest = [first - ready for ready, first in zip(ready_s, first_s, strict=True)]
    texts = [f"{view.number(a)} / {view.number(b)}" for _, a, b in known]

    def plot(figure: Figure) -> None:
        parts = [(ready_s, PALETTE[0]), (rest, PALETTE[4])]
        plots.bars(figure, names, parts, texts, "seconds since the process was started")

    alternative = "Start-up in seconds, ready and first answer: " + "; ".join(
        f"{name} {text}" for name, text in zip(names, texts, strict=True)
    )
    drawing = svg.draw(
        f"{comparison.benchmark}/start-up", plots.bars_size(len(names)), alternative, plot
    )
    caption = "Dark: until ready. Light: from there to the first right answer. Shorter is better."
    return [Chart(drawing, "Start-up", caption, wide=False)]


def _memory(comparison: Comparison, rows: Sequence[Row]) -> list[Chart]:
    known = [(row.variant, used.median) for row in rows if (used := row.spreads["memory"])]
    if not known:
        return []
    known.sort(key=lambda item: (item[1], item[0]))
    names, used_mib = zip(*known, strict=True)
    texts = [view.number(value, 0) for value in used_mib]

    def plot(figure: Figure) -> None:
        plots.bars(figure, names, [(used_mib, PALETTE[2])], texts, "MiB")

    alternative = "Memory in MiB: " + "; ".join(
        f"{name} {text}" for name, text in zip(names, texts, strict=True)
    )
    drawing = svg.draw(
        f"{comparison.benchmark}/memory", plots.bars_size(len(names)), alternative, plot
    )
    caption = "Proportional set size of the whole process tree. Shorter is better."
    return [Chart(drawing, "Memory", caption, wide=False)]


def _overlay(lines: Sequence[Line]) -> Any:
    return lambda figure: plots.overlay(figure, lines)


def _distribution_panels(lines: Sequence[Line]) -> Any:
    dress = plots.dress_nines(lines)
    return lambda figure: plots.panels(figure, lines, dress, "share of requests answered within")


def _load(comparison: Comparison) -> str:
    profile = steady_profile(comparison)
    return f"the same load for all ({view.rate(profile)})" if profile else "the same load for all"


def _spoken(lines: Sequence[Line]) -> str:
    return "; ".join(f"{line.name} up to {line.y[-1]:.3g} ms" for line in lines)
