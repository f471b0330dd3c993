"""The batches that were formed, as bars: the share of a window's calls by their instances."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from harness.analyse.run.breakdown import Batches
from harness.report.draw import bars
from harness.report.draw.bars import BarPart, NamedLine
from harness.report.draw.scales import Scale
from harness.report.page import view

# Up to so many instances; from light to dark, the classes `batch0` to `batch6` in charts.css.
STEPS = (1, 2, 4, 8, 16, 32)
_LIGHT = 3  # so many carry dark numbers
_SHARES = Scale(kind="linear", low=0.0, high=1.0, ticks=((0.0, "0%"), (0.5, "50%"), (1.0, "100%")))


def parts(found: Batches) -> list[float]:
    """Shares of the calls, by STEPS and then more."""
    total = sum(calls for _, calls in found.calls)
    shares = [0.0] * (len(STEPS) + 1)
    for instances, calls in found.calls:
        place = next((i for i, most in enumerate(STEPS) if instances <= most), len(STEPS))
        shares[place] += calls / total
    return shares


def titles() -> list[str]:
    """The title of each part."""
    pairs = zip([0, *STEPS], STEPS, strict=False)
    named = [str(high) if high == low + 1 else f"{low + 1}–{high}" for low, high in pairs]
    return [*named, f"over {STEPS[-1]}"]


def draw(shown: Sequence[tuple[str, Batches]], alternative: str) -> Markup:
    """A bar for each variant from top to bottom, its mean batch at the end, below a legend."""
    found = {name: parts(batches) for name, batches in shown}
    seen = [any(column) for column in zip(*found.values(), strict=True)]
    named = zip(titles(), seen, strict=True)
    keys = [(f"batch{place}", title) for place, (title, known) in enumerate(named) if known]
    lines = [
        NamedLine(
            name=name,
            number=f"mean {view.number(batches.mean)}",
            end=1.0,
            drawn=bars.chain(_parts(found[name])),
        )
        for name, batches in shown
    ]
    label = "share of the calls to the model, by their instances"
    return bars.legend(keys) + bars.draw(lines, _SHARES, label, alternative)


def _parts(shares: Sequence[float]) -> list[BarPart]:
    return [
        BarPart(length=share, kind=f"batch{place}", number=f"{share:.0%}", dark=place >= _LIGHT)
        for place, share in enumerate(shares)
    ]
