"""The path of a search: what each probe saw, over the rate that it fired."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analyse.capacity import Found
from harness.report.svg import GRID, INK, PALE, PALETTE, QUIET, label, log_scale

_COLUMNS = 4
_MARKS = {"holds": ("o", PALETTE[0]), "undecided": ("s", QUIET), "broken": ("X", PALETTE[1])}


def size(count: int) -> tuple[float, float]:
    """Inches for a panel each."""
    return 10.8, 1.7 * -(-count // _COLUMNS) + 0.7


def draw(figure: Figure, searches: Sequence[tuple[str, Found]]) -> None:
    """A panel for each search: response time over rate, the SLO's limit, and the answer."""
    width, height = figure.get_size_inches()
    rows = -(-len(searches) // _COLUMNS)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False)
    figure.subplots_adjust(
        left=0.6 / width,
        right=1 - 0.2 / width,
        top=1 - 0.3 / height,
        bottom=0.5 / height,
        hspace=0.55,
        wspace=0.22,
    )
    for place, axes in enumerate(grid.flat):
        if place < len(searches):
            _panel(axes, *searches[place])
        else:
            axes.set_axis_off()
    figure.supxlabel("requests per second", fontsize=9, color=QUIET, y=0.06 / height)
    figure.supylabel("response time, ms", fontsize=9, color=QUIET, x=0.06 / width)


def _panel(axes: Axes, name: str, found: Found) -> None:
    limit = found.slo.limit_ns / 1e6
    seen = [(s, s.percentile_ms) for s in found.steps if s.percentile_ms is not None]
    times = [limit, *(time for _, time in seen)]
    log_scale(axes, min(times) / 1.3, max(times) * 1.3)
    estimate = found.estimate
    if estimate.low is not None and estimate.high is not None:
        axes.axvspan(estimate.low, estimate.high, color=GRID, linewidth=0)
    if estimate.rate_per_s:
        axes.axvline(estimate.rate_per_s, color=INK, linewidth=1)
    axes.axhline(limit, color=PALETTE[1], linewidth=0.8, linestyle="--")
    for step, time in seen:
        mark, colour = _MARKS[step.ruling]
        face = "none" if step.disturbed else colour
        axes.plot(step.rate_per_s, time, mark, markersize=4.5, color=colour, markerfacecolor=face)
    axes.set_xlim(left=0)
    axes.locator_params(axis="x", nbins=4)
    axes.set_title(label(name, 28), loc="left", fontsize=9, pad=3)
    axes.grid(visible=True, axis="y", color=PALE, linewidth=0.5)
