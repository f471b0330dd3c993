"""A ratio on a strip: its interval, the ratio itself, and changes too small to be judged."""

from __future__ import annotations

import math

from markupsafe import Markup

from harness.analyse.field.paired import Ratio

_WIDTH = 100.0  # in the strip's own units
_SPAN = math.log(1.5)  # the strip ends at half as much again, and at two thirds


def draw(ratio: Ratio, effect: float) -> Markup:
    """The strip of a ratio; `effect` is the least change that is judged, as a share."""
    low, at, high = (_place(value) for value in (ratio.low, ratio.ratio, ratio.high))
    middle = _WIDTH / 2
    within = _place(1 + effect) - middle
    opened = Markup('<svg viewBox="0 0 {} 12" width="120" height="12" aria-hidden="true">')
    parts = (
        Markup('<rect class="within" x="{}" width="{}" height="12"/>').format(
            middle - within, 2 * within
        ),
        Markup('<path class="one" d="M{} 0v12"/>').format(middle),
        Markup('<rect class="interval" x="{}" y="5" width="{}" height="2"/>').format(
            low, high - low
        ),
        Markup('<circle cx="{}" cy="6" r="3"/></svg>').format(at),
    )
    return opened.format(_WIDTH) + Markup("").join(parts)


def _place(value: float) -> float:
    """A ratio's place on the strip, on a logarithmic scale; 1 lies in the middle."""
    share = math.log(value) / _SPAN if value > 0 else -1.0
    return round(_WIDTH / 2 * (1 + min(1.0, max(-1.0, share))), 2)
