"""The static charts: a line of the picture for each variant, with its number beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analyse.stats import Spread
from harness.report.colours import INK, Look
from harness.report.drawing import short

_NAMES, _NUMBERS = 1.75, 1.15  # inches on the left and on the right
_TOP, _BOTTOM = 0.1, 0.5
_PALE = 0.45  # opacity of the second part of a bar


def size(count: int) -> tuple[float, float]:
    """Inches for a line each."""
    return 6.5, 0.25 * count + 0.75


def bars(
    figure: Figure,
    names: Sequence[str],
    looks: Sequence[Look],
    parts: Sequence[Sequence[float]],
    texts: Sequence[str],
    x_label: str,
) -> None:
    """Horizontal bars from top to bottom, each a chain of one or two parts, the second pale."""
    axes = _axes(figure, names, looks, x_label)
    places, left = np.arange(len(names)), np.zeros(len(names))
    colours = [look.colour for look in looks]
    for number, lengths in enumerate(parts):
        opacity = _PALE if number else 1.0
        axes.barh(places, lengths, left=left, height=0.62, color=colours, alpha=opacity)
        left = left + np.array(lengths)
    axes.set_xlim(0, max(float(left.max()), 1e-9) * 1.02)
    _numbers(axes, left, texts)


def dots(
    figure: Figure,
    names: Sequence[str],
    looks: Sequence[Look],
    spreads: Sequence[Spread],
    texts: Sequence[str],
    x_label: str,
) -> None:
    """A dot with its interval on each line, from top to bottom."""
    axes = _axes(figure, names, looks, x_label)
    for place, (look, spread) in enumerate(zip(looks, spreads, strict=True)):
        axes.plot([spread.low, spread.high], [place, place], color=look.colour, linewidth=2.2)
        axes.plot(
            [spread.median],
            [place],
            look.symbol,
            color=look.colour,
            markersize=6,
            markeredgewidth=0,
        )
    high = [spread.high for spread in spreads]
    axes.set_xlim(0, max(max(high), 1e-9) * 1.03)
    _numbers(axes, high, texts)


def _axes(figure: Figure, names: Sequence[str], looks: Sequence[Look], x_label: str) -> Axes:
    width, height = figure.get_size_inches()
    room = (width - _NAMES - _NUMBERS) / width, (height - _TOP - _BOTTOM) / height
    axes = figure.add_axes((_NAMES / width, _BOTTOM / height, *room))
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(np.arange(len(names)), [short(name) for name in names], color=INK)
    axes.tick_params(axis="y", pad=11)
    for place, look in enumerate(looks):
        # Left of the axis, between it and the name.
        axes.plot(
            [-0.012],
            [place],
            look.symbol,
            color=look.colour,
            markersize=5,
            markeredgewidth=0,
            transform=axes.get_yaxis_transform(),
            clip_on=False,
        )
    axes.locator_params(axis="x", nbins=5)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(x_label)
    return axes


def _numbers(axes: Axes, ends: Sequence[float] | np.ndarray, texts: Sequence[str]) -> None:
    for place, (end, text) in enumerate(zip(ends, texts, strict=True)):
        spot = (float(end), place)
        axes.annotate(text, spot, (4, 0), textcoords="offset points", va="center", fontsize=8.5)
