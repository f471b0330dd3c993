"""Charts of a history: a number night after night, its level, and the versions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analyse.campaigns.history import Series
from harness.analyse.field.comparison import COLUMNS
from harness.report.draw.colours import GRID, INK, PALETTE, QUIET
from harness.report.draw.drawing import short

_DRAWN = 400  # nights; older ones are in the numbers, but no longer in the picture
_HEIGHT, _HEAD, _FOOT = 1.35, 0.5, 0.35  # inches
_TICKS = 6


def size(panels: int) -> tuple[float, float]:
    """Inches for a panel below another for each number."""
    return 9.0, _HEIGHT * panels + _HEAD * panels + _FOOT


def lines(figure: Figure, panels: Sequence[Series]) -> None:
    """A panel for each number: nights as dots, the level as a line, changes and versions marked."""
    grid = figure.subplots(len(panels), 1, squeeze=False)
    _, height = figure.get_size_inches()
    figure.subplots_adjust(
        left=0.08, right=0.98, top=1 - _HEAD / height, bottom=_FOOT / height, hspace=0.75
    )
    for axes, series in zip(grid[:, 0], panels, strict=True):
        _panel(axes, series)


def _panel(axes: Axes, series: Series) -> None:
    metric = COLUMNS[series.metric]
    first = max(len(series.marks) - _DRAWN, 0)
    nights = np.arange(first, len(series.marks))
    fitted = series.fitted
    axes.plot(nights, np.exp(fitted.adjusted[first:]), ".", color=PALETTE[0], markersize=4)
    axes.step(nights, np.exp(fitted.levels[first:]), where="mid", color=INK, linewidth=1.4)
    top = axes.get_xaxis_transform()
    for step in fitted.steps:
        if step.at >= first:
            axes.axvline(step.at - 0.5, color=PALETTE[1], linewidth=1.6)
            percent = f"{100 * (np.exp(step.change) - 1):+.1f}%".replace("-", "−")
            axes.text(step.at - 0.4, 0.98, percent, transform=top, va="top", color=PALETTE[1])
    marked = -np.inf
    for night, before, after in _versions(series, first):
        axes.axvline(night - 0.5, color=QUIET, linewidth=0.8, linestyle=":")
        if night - marked > len(nights) / 12:  # no room for more names than these
            text = short(after if night == first else f"{before} → {after}", 24)
            axes.text(night - 0.4, 1.02, text, transform=top, va="bottom", fontsize=7.5)
            marked = night
    axes.set_title(", ".join(metric.heading), loc="left", fontsize=9, pad=14)
    axes.set_xlim(first - 0.8, len(series.marks) - 0.2)
    axes.grid(visible=True, axis="y", color=GRID)
    axes.margins(y=0.15)
    shown = np.unique(np.linspace(first, len(series.marks) - 1, _TICKS).round().astype(int))
    axes.set_xticks(shown, [series.marks[night].started_at[:10] for night in shown])


def _versions(series: Series, first: int) -> list[tuple[int, str, str]]:
    """(night, version before, version since), the first night's too."""
    names = [mark.version or "" for mark in series.marks]
    found = [(first, "", names[first])] if names[first] else []
    return found + [
        (night, names[night - 1], names[night])
        for night in range(first + 1, len(names))
        if names[night] != names[night - 1]
    ]
