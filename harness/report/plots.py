"""The charts: what is drawn, from rows of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analyse.comparison import Row
from harness.report.svg import GRID, INK, PALE, PALETTE, QUIET, Style, label, log_scale

OVERLAID = 10  # more lines than this get a panel each
_BEYOND = 4  # answers that must be expected beyond a share; as stats.percentile has it
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.6, 0.2, 0.3, 0.5  # margins in inches
_COLUMNS = 4
_FAR = 2.0


@dataclass(frozen=True, slots=True)
class Line:
    """A variant's curve, as the median over its rounds."""

    name: str
    reference: bool
    style: Style | None  # where several lines share one axes
    x: Any
    y: Any
    high: Any = None  # a second curve, drawn lighter


def distribution(row: Row, style: Style | None) -> Line | None:
    """Response time by the share of requests that stayed below it, on a scale of nines."""
    curves = [c for d in counted(row) for c in d.curves if c.is_open]
    curves = [curve for curve in curves if curve.profile == curves[0].profile]
    if not curves:
        return None
    below = 1 - curves[0].shares
    # The tail of a curve is drawn only as far as there are answers behind it.
    enough = below * min(curve.answers for curve in curves) >= _BEYOND
    times = np.median([curve.quantiles_ms for curve in curves], axis=0)
    x = -np.log10(below[enough])
    return Line(row.variant, row.server.reference, style, x, times[enough])


def over_time(row: Row) -> Line | None:
    """Median and p95 of the response time along the steady window."""
    curves = [c for d in counted(row) for c in d.curves if c.is_open]
    curves = [curve for curve in curves if curve.profile == curves[0].profile]
    if not curves:
        return None
    at = np.mean([curve.at_s for curve in curves], axis=0)
    middle, high = (
        _median_of_known([getattr(curve, name) for curve in curves])
        for name in ("median_ms", "p95_ms")
    )
    return Line(row.variant, row.server.reference, None, at, middle, high)


def counted(row: Row) -> list[Any]:
    """The digests of a row whose numbers count."""
    return [digest for digest in row.digests if not digest.invalid]


def overlay_size(lines: Sequence[Line]) -> tuple[float, float]:
    """Inches for all lines in one axes."""
    return 6.5, max(3.1, 0.24 * len(lines) + 1.2)


def overlay(figure: Figure, lines: Sequence[Line]) -> None:
    """All lines in one axes, each labelled at its end."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes(
        (_LEFT / width, _BOTTOM / height, 1 - 2.65 / width, 1 - (_BOTTOM + 0.15) / height)
    )
    low, high = _span(lines)
    end = max(float(line.x[-1]) for line in lines)
    log_scale(axes, low, high)
    _nines(axes, end)
    axes.set_xlabel("share of requests answered within the time")
    axes.set_ylabel("response time, ms")
    axes.grid(visible=True)
    room = 0.17 * np.log10(high / low) / (height - 0.65)
    ends = _apart([float(np.log10(line.y[-1])) for line in lines], room)
    for line, place in zip(lines, ends, strict=True):
        colour, dashes = line.style or (QUIET, ":")
        axes.plot(line.x, line.y, color=colour, linestyle=dashes, linewidth=1.7)
        xs, ys = [line.x[-1], end * 1.02, end * 1.04], [line.y[-1], 10**place, 10**place]
        axes.plot(xs, ys, color=colour, linewidth=0.6, clip_on=False)
        key = [end * 1.04, end * 1.1]
        axes.plot(key, ys[1:], color=colour, linestyle=dashes, linewidth=2.2, clip_on=False)
        value = f"{label(line.name, 22)}  {line.y[-1]:.3g}"
        axes.text(end * 1.12, 10**place, value, va="center")


def in_sight(lines: Sequence[Line]) -> list[Line]:
    """The lines without references so far below that they would squeeze all others together."""
    low, _ = _span([line for line in lines if not line.reference] or lines)
    return [x for x in lines if not x.reference or np.nanmax(x.y) * _FAR > low]


def panels_size(lines: Sequence[Line]) -> tuple[float, float]:
    """Inches for a panel each."""
    return 10.8, 1.5 * -(-len(lines) // _COLUMNS) + 0.6


def panels(
    figure: Figure, lines: Sequence[Line], dress: Callable[[Axes], None], x_label: str
) -> None:
    """A panel for each line, all on the same axes; the grey band is the span of all lines."""
    width, height = figure.get_size_inches()
    rows = -(-len(lines) // _COLUMNS)
    grid = figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False)
    figure.subplots_adjust(
        left=_LEFT / width,
        right=1 - _RIGHT / width,
        top=1 - _TOP / height,
        bottom=_BOTTOM / height,
        hspace=0.34,
        wspace=0.1,
    )
    low, high = _span(lines)
    log_scale(grid[0][0], low, high)
    dress(grid[0][0])
    length = min(len(line.x) for line in lines)
    everyone = np.array([line.y[:length] for line in lines])
    band = _extremes(everyone)
    for place, axes in enumerate(grid.flat):
        if place >= len(lines):
            axes.set_axis_off()
            continue
        _panel(axes, lines[place], lines[0].x[:length], band)
        # The lowest panel of each column shows the axis, also where the last row is short.
        axes.tick_params(labelbottom=place + _COLUMNS >= len(lines))
    figure.supxlabel(x_label, fontsize=9, color=QUIET, y=0.06 / height)
    figure.supylabel("response time, ms", fontsize=9, color=QUIET, x=0.06 / width)


def bars_size(count: int) -> tuple[float, float]:
    """Inches for a bar each."""
    return 6.5, 0.25 * count + 0.75


def bars(
    figure: Figure,
    names: Sequence[str],
    parts: Sequence[tuple[Sequence[float], str]],
    texts: Sequence[str],
    x_label: str,
) -> None:
    """Horizontal bars from top to bottom, each a chain of parts, with its number at the end."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes(
        (1.75 / width, _BOTTOM / height, 1 - 2.6 / width, 1 - (_BOTTOM + 0.1) / height)
    )
    places = np.arange(len(names))
    left = np.zeros(len(names))
    for lengths, colour in parts:
        axes.barh(places, lengths, left=left, height=0.66, color=colour)
        left = left + np.array(lengths)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(places, [label(name, 24) for name in names], color=INK)
    axes.set_xlim(0, max(float(left.max()), 1e-9) * 1.02)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(x_label)
    for place, end, text in zip(places, left, texts, strict=True):
        axes.annotate(
            text, (end, place), (3, 0), textcoords="offset points", va="center", fontsize=8.5
        )


def dress_nines(lines: Sequence[Line]) -> Callable[[Axes], None]:
    """The x axis of a distribution."""
    end = max(float(line.x[-1]) for line in lines)
    return lambda axes: _nines(axes, end)


def _panel(axes: Axes, line: Line, x: Any, band: tuple[Any, Any]) -> None:
    axes.fill_between(x, *band, color=GRID, linewidth=0)
    colour = QUIET if line.reference else PALETTE[0]
    if line.high is not None:
        axes.plot(line.x, line.high, color=colour, linewidth=0.9, alpha=0.55)
    axes.plot(line.x, line.y, color=colour, linewidth=1.6)
    axes.set_title(label(line.name, 28), loc="left", fontsize=9, pad=3)
    axes.grid(visible=True, axis="y", color=PALE, linewidth=0.5)


def _nines(axes: Axes, end: float) -> None:
    shares = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999)
    places = [0.0, *(-np.log10(1 - share) for share in shares[1:])]
    shown = [(p, s) for p, s in zip(places, shares, strict=True) if p <= end * 1.02]
    axes.set_xlim(0, end * 1.02)
    axes.set_xticks([p for p, _ in shown], [f"{100 * s:g}%" for _, s in shown])


def _span(lines: Sequence[Line]) -> tuple[float, float]:
    values = np.concatenate([c for line in lines for c in (line.y, line.high) if c is not None])
    values = values[np.isfinite(values) & (values > 0)]
    if not len(values):
        return 0.1, 10.0
    low, high = float(values.min()), float(values.max())
    return low / 1.15, max(high * 1.15, low * 2)


def _apart(places: Sequence[float], room: float) -> list[float]:
    """The places moved as little as needed to have `room` between each two of them."""
    order = np.argsort(places, kind="stable")
    moved = np.array(places, dtype=float)[order]
    for _ in range(60):
        gaps = np.maximum(room - np.diff(moved), 0) / 2
        if gaps.max(initial=0) < room / 50:
            break
        moved[:-1] -= gaps
        moved[1:] += gaps
    found = np.empty(len(moved))
    found[order] = moved
    return list(map(float, found))


def _median_of_known(curves: Sequence[Any]) -> Any:
    """Median over curves, point by point; NaN where none has a number."""
    table = np.array(curves)
    known = np.isfinite(table)
    return np.array(
        [
            np.median(column[have]) if have.any() else np.nan
            for column, have in zip(table.T, known.T, strict=True)
        ]
    )


def _extremes(table: Any) -> tuple[Any, Any]:
    """Least and most of each column; NaN where it has no number."""
    low = np.where(np.isfinite(table), table, np.inf).min(axis=0)
    high = np.where(np.isfinite(table), table, -np.inf).max(axis=0)
    return np.where(np.isfinite(low), low, np.nan), np.where(np.isfinite(high), high, np.nan)
