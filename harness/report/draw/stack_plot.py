"""Where the time goes, as bars: the parts of a mean response time one after another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analyse.run.breakdown import Breakdown
from harness.report.draw.colours import INK, QUIET
from harness.report.draw.drawing import LONG, margin, short
from harness.report.page import view

# In the order in which they pass, in Okabe and Ito's colours; light ones carry dark numbers. They
# are the same in the dark: no framework's, so no variables of the style sheet.
TITLES = {
    "generator_ms": ("generator", "#b4bcc4"),
    "transport_ms": ("transport", "#6a3d9a"),
    "before_ms": ("framework before", "#56b4e9"),
    "waiting_ms": ("waiting", "#e69f00"),
    "model_ms": ("model", "#0072b2"),
    "after_ms": ("framework after", "#cc79a7"),
}
_DARK = ("#0072b2", "#6a3d9a")
_ON_LIGHT, _ON_DARK = "#16202a", "#ffffff"  # of numbers on them
_CUT = 3.0  # times the second-longest bar: one far longer than all others is cut off there
_NUMBER_IN = 0.42  # inches that a number needs within its part


def size(count: int) -> tuple[float, float]:
    """Inches for a bar each."""
    return 10.8, 0.3 * count + 1.0


def draw(figure: Figure, bars: Sequence[tuple[str, Breakdown]]) -> None:
    """A bar for each variant from top to bottom, its sum at the end."""
    width, height = figure.get_size_inches()
    left_of = margin(name for name, _ in bars)
    room = width - left_of - 0.75
    axes = figure.add_axes((left_of / width, 0.5 / height, room / width, 1 - 0.95 / height))
    end = _end([found.response_ms for _, found in bars])
    left = np.zeros(len(bars))
    for name, (title, colour) in TITLES.items():
        lengths = np.array([found.parts()[name] for _, found in bars])
        axes.barh(np.arange(len(bars)), lengths, left=left, height=0.7, color=colour, label=title)
        for place, (start, length) in enumerate(zip(left, lengths, strict=True)):
            seen = min(start + length, end) - start
            if seen * room / end >= _NUMBER_IN:
                ink = _ON_DARK if colour in _DARK else _ON_LIGHT
                _number(axes, start + seen / 2, place, length, ink)
        left = left + lengths
    axes.set_xlim(0, end)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_yticks(np.arange(len(bars)), [short(name, LONG) for name, _ in bars], color=INK)
    axes.set_xlabel("mean milliseconds of a request", color=QUIET)
    axes.grid(visible=True, axis="x")
    axes.legend(
        ncols=len(TITLES), loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=8.5
    )
    for place, total in enumerate(left):
        text = view.number(float(total)) + (" →" if total > end else "")
        spot = (min(float(total), end), place)
        axes.annotate(text, spot, (3, 0), textcoords="offset points", va="center", fontsize=8.5)


def _number(axes: Axes, x: float, place: int, value: float, ink: str) -> None:
    axes.text(x, place, view.number(value), ha="center", va="center", color=ink, fontsize=7.5)


def _end(totals: Sequence[float]) -> float:
    """Where the axis ends."""
    ascending = sorted(totals)
    most = ascending[-1]
    return max(min(most, _CUT * ascending[-2]) if len(ascending) > 1 else most, 1e-9) * 1.01
