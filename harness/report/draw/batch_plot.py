"""The batches that were formed, as bars: the share of a window's calls by their instances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from harness.analyse.run.breakdown import Batches
from harness.report.draw.colours import INK, QUIET
from harness.report.draw.drawing import LONG, margin, short
from harness.report.page import view

# Up to so many instances; from light to dark, the same whatever the page's light.
STEPS = {1: "#dce6f0", 2: "#b6d0e8", 4: "#86b3dc", 8: "#5590c8", 16: "#2b6cab", 32: "#124b82"}
_MORE = "#062a50"
_ON_LIGHT, _ON_DARK = "#16202a", "#ffffff"
_NUMBER_IN = 0.06  # share of a bar that a number needs within its part


def size(count: int) -> tuple[float, float]:
    """Inches for a bar each."""
    return 6.5, 0.27 * count + 1.0


def parts(found: Batches) -> list[float]:
    """Shares of the calls, by STEPS and then more."""
    limits = list(STEPS)
    total = sum(calls for _, calls in found.calls)
    shares = [0.0] * (len(limits) + 1)
    for instances, calls in found.calls:
        place = next((i for i, most in enumerate(limits) if instances <= most), len(limits))
        shares[place] += calls / total
    return shares


def titles() -> list[str]:
    """What each part is of."""
    limits = list(STEPS)
    pairs = zip([0, *limits], limits, strict=False)
    named = [str(high) if high == low + 1 else f"{low + 1}–{high}" for low, high in pairs]
    return [*named, f"over {limits[-1]}"]


def draw(figure: Figure, bars: Sequence[tuple[str, Batches]]) -> None:
    """A bar for each variant from top to bottom, its mean batch at the end."""
    width, height = figure.get_size_inches()
    names = margin(name for name, _ in bars)
    room = (1 - (names + 0.9) / width, 1 - 0.95 / height)
    axes = figure.add_axes((names / width, 0.5 / height, *room))
    table, left = np.array([parts(found) for _, found in bars]), np.zeros(len(bars))
    for title, colour, column in zip(titles(), [*STEPS.values(), _MORE], table.T, strict=True):
        if not column.any():
            continue
        axes.barh(np.arange(len(bars)), column, left=left, height=0.7, color=colour, label=title)
        ink = _ON_LIGHT if colour in list(STEPS.values())[:3] else _ON_DARK
        for place, (start, share) in enumerate(zip(left, column, strict=True)):
            if share >= _NUMBER_IN:
                text, spot = f"{share:.0%}", (start + share / 2, place)
                axes.text(*spot, text, ha="center", va="center", color=ink, fontsize=7.5)
        left = left + column
    axes.set_xlim(0, 1)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_yticks(np.arange(len(bars)), [short(name, LONG) for name, _ in bars], color=INK)
    axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
    axes.set_xlabel("share of the calls to the model", color=QUIET)
    axes.legend(ncols=7, loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=8.5)
    for place, (_, found) in enumerate(bars):
        text = f"mean {view.number(found.mean)}"
        axes.annotate(text, (1, place), (4, 0), textcoords="offset points", va="center")
