"""Numbers as bars of one or two parts, a line for each variant: start-up and memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.draw import bars, scales
from harness.report.draw.bars import BarPart, NamedLine
from harness.report.draw.colours import Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A variant's number."""

    name: str
    look: Look
    lengths: tuple[float, ...]  # of its parts; those after the first are pale
    text: str


def draw(shown: Sequence[Bar], x_label: str, alternative: str) -> Markup:
    """The bars from top to bottom."""
    scale = scales.linear((sum(bar.lengths) for bar in shown), 7)
    return bars.draw([_line(bar) for bar in shown], scale, x_label, alternative)


def _line(bar: Bar) -> NamedLine:
    parts = [
        BarPart(length=length, kind="pale" if place else "")
        for place, length in enumerate(bar.lengths)
    ]
    return NamedLine(
        name=bar.name,
        number=bar.text,
        end=sum(bar.lengths),
        drawn=bars.chain(parts),
        look=bar.look,
    )
