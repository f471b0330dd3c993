"""The static charts: a line of the picture for each variant, with its number beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analyse.statistics.stats import Spread
from harness.report.draw.colours import INK, QUIET, Look
from harness.report.draw.drawing import LONG, margin, short

_NUMBERS = 1.15  # inches on the right
_TOP, _BOTTOM = 0.1, 0.5
_PALE = 0.45  # opacity of the second part of a bar


@dataclass(frozen=True, slots=True)
class Dot:
    """A variant's number with its interval."""

    name: str
    look: Look
    spread: Spread
    text: str


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
    axes = _axes(figure, dict(enumerate(names)), dict(enumerate(looks)), x_label)
    places, left = np.arange(len(names)), np.zeros(len(names))
    colours = [look.colour for look in looks]
    for number, lengths in enumerate(parts):
        opacity = _PALE if number else 1.0
        axes.barh(places, lengths, left=left, height=0.62, color=colours, alpha=opacity)
        left = left + np.array(lengths)
    axes.set_xlim(0, max(float(left.max()), 1e-9) * 1.02)
    for place, (end, text) in enumerate(zip(left, texts, strict=True)):
        _number(axes, float(end), place, text)


def dots(
    figure: Figure,
    groups: Sequence[tuple[str, Sequence[Dot]]],
    x_label: str,
) -> None:
    """A dot with its interval on each line, from top to bottom; each group below its title."""
    lines: list[str | Dot] = []
    for title, found in groups:
        lines += [title, *found]
    known = {place: line for place, line in enumerate(lines) if isinstance(line, Dot)}
    names = {place: dot.name for place, dot in known.items()}
    axes = _axes(figure, names, {place: dot.look for place, dot in known.items()}, x_label)
    for place, line in enumerate(lines):
        if isinstance(line, Dot):
            _dot(axes, place, line)
        else:
            across = axes.get_yaxis_transform()
            axes.text(0.015, place, short(line), transform=across, va="center", color=QUIET)
    axes.set_xlim(0, max(*(dot.spread.high for dot in known.values()), 1e-9) * 1.03)


def _dot(axes: Axes, place: int, dot: Dot) -> None:
    spread, colour = dot.spread, dot.look.colour
    axes.plot([spread.low, spread.high], [place, place], color=colour, linewidth=2.2)
    axes.plot(
        [spread.median], [place], dot.look.symbol, color=colour, markersize=6, markeredgewidth=0
    )
    _number(axes, spread.high, place, dot.text)


def _axes(figure: Figure, names: dict[int, str], looks: dict[int, Look], x_label: str) -> Axes:
    """Axes with a name and its mark at each of some places from the top."""
    width, height = figure.get_size_inches()
    beside_names = margin(names.values())
    room = (width - beside_names - _NUMBERS) / width, (height - _TOP - _BOTTOM) / height
    axes = figure.add_axes((beside_names / width, _BOTTOM / height, *room))
    axes.set_ylim(max(names) + 0.6, -0.6)
    axes.set_yticks(list(names), [short(name, LONG) for name in names.values()], color=INK)
    axes.tick_params(axis="y", pad=11)
    beside = axes.get_yaxis_transform()
    for place, look in looks.items():
        # Left of the axis, between it and the name.
        drawn = axes.plot([-0.012], [place], look.symbol, color=look.colour, transform=beside)
        drawn[0].set(markersize=5, markeredgewidth=0, clip_on=False)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(x_label)
    return axes


def _number(axes: Axes, end: float, place: int, text: str) -> None:
    spot = (end, place)
    axes.annotate(text, spot, (4, 0), textcoords="offset points", va="center", fontsize=8.5)
