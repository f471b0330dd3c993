"""Small SVG, written by hand: what the pictures share.

Sizes are in units of the picture. The page's style sheet sets fonts and strokes, larger ones where
the page is narrow; names and colours come in as classes. All text is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.draw.colours import Look
from harness.report.draw.scales import Scale
from harness.report.page import view

Spot = tuple[float, float]
WIDE, HALF = (680, 366), (510, 366)  # sizes of pictures with and without names on the right
_NAME = 24  # letters of a name that fit beside a curve
LONG = 38  # beside a bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The axes of a picture."""

    x: Scale
    y: Scale
    x_label: str
    y_label: str
    left: float = 46
    top: float = 26
    right: float = 490
    bottom: float = 320
    gap: float = 17  # from the axis down to its texts
    drop: float = 20  # from there down to its label

    def spot(self, x: float, y: float) -> Spot:
        """The place of a pair of values."""
        return (
            self.left + (self.right - self.left) * self.x.at(x),
            self.bottom - (self.bottom - self.top) * self.y.at(y),
        )

    def grid(self) -> Markup:
        """Lines and texts of the axes."""
        heights = [(self.spot(self.x.low, tick)[1], text) for tick, text in self.y.ticks]
        lines = [f"M{number(self.left)} {number(at)}H{number(self.right)}" for at, _ in heights]
        lines += [f"M{number(at)} {number(self.bottom)}v4" for at, _ in self._steps()]
        parts = [Markup('<path class="grid" d="{}"/>').format("".join(lines)), self._below()]
        parts.append(Markup('<g class="y">'))
        parts += [word(self.left - 6, at + 4, text) for at, text in heights]
        parts.append(Markup("</g>"))
        if self.y_label:
            parts.append(word(2, 12, self.y_label))
        return Markup("").join(parts)

    def columns(self) -> Markup:
        """Lines upwards from the horizontal axis, with its texts."""
        top, bottom = number(self.top), number(self.bottom + 4)
        lines = "".join(f"M{number(at)} {top}V{bottom}" for at, _ in self._steps())
        return Markup('<path class="grid" d="{}"/>').format(lines) + self._below()

    def _steps(self) -> list[tuple[float, str]]:
        return [(self.spot(tick, self.y.low)[0], text) for tick, text in self.x.ticks]

    def _below(self) -> Markup:
        foot = self.bottom + self.gap
        parts = [word(at, foot, text) for at, text in self._steps()]
        if self.x_label:
            parts.append(word((self.left + self.right) / 2, foot + self.drop, self.x_label))
        return Markup('<g class="x">') + Markup("").join(parts) + Markup("</g>")

    def limit(self, y: float) -> Markup:
        """A dashed line across at a value."""
        _, at = self.spot(self.x.low, y)
        path = f"M{number(self.left)} {number(at)}H{number(self.right)}"
        return Markup('<path class="limit" d="{}"/>').format(path)

    def limit_said(self, y: float, said: str) -> Markup:
        """A word for such a line: to be drawn after what crosses it."""
        _, at = self.spot(self.x.low, y)
        return Markup('<g class="limit-said">{}</g>').format(word(self.left + 4, at - 4, said))


def picture(
    alternative: str, *parts: Markup, size: tuple[int, int] = WIDE, ends: str = "", kind: str = ""
) -> Markup:
    """The whole picture; `ends` says where charts.js may put the names of curves, `kind` is a class
    of the style sheet."""
    opened = Markup('<svg{} viewBox="0 0 {} {}" role="img" aria-label="{}"{}>').format(
        Markup(' class="{}"').format(kind) if kind else "",
        *size,
        view.clean(alternative),
        Markup(' data-ends="{}"').format(ends) if ends else "",
    )
    return opened + Markup("").join(parts) + Markup("</svg>")


def marks(look: Look, spots: Iterable[Spot]) -> Markup:
    """A variant's marks at spots."""
    drawn = "".join(f"M{number(x)} {number(y)}{look.outline}" for x, y in spots)
    return Markup('<path class="mark" d="{}"/>').format(drawn)


def path(spots: Iterable[Spot]) -> str:
    """A line through spots; it is broken where one is not known.

    After its start each spot is said by its way from the one before, in tenths that add up: that
    takes half as many letters.
    """
    said: list[str] = []
    last: tuple[int, int] | None = None
    for x, y in spots:
        if not (math.isfinite(x) and math.isfinite(y)):
            last = None
            continue
        at = round(10 * x), round(10 * y)
        if last is None:
            said.append(f"M{number(at[0] / 10)} {number(at[1] / 10)}l")
        else:
            said.append(_after(said[-1], (at[0] - last[0]) / 10))
            said.append(_after(said[-1], (at[1] - last[1]) / 10))
        last = at
    return "".join(said).replace("lM", "M").removesuffix("l")


def band(upper: Sequence[Spot], lower: Sequence[Spot]) -> str:
    """The area between two lines with the same places, where both are known."""
    known = [
        pair for pair in zip(upper, lower, strict=True) if all(math.isfinite(y) for _, y in pair)
    ]
    if not known:
        return ""
    return path([*(high for high, _ in known), *(low for _, low in reversed(known))]) + "z"


def short(name: str, limit: int = _NAME) -> str:
    """A name that fits beside a curve or a bar."""
    text = " ".join(str(view.clean(name)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _after(before: str, value: float) -> str:
    """A number that follows other letters of a path: as short as those of a path may be."""
    text = number(value).replace("0.", ".", 1) if abs(value) < 1 else number(value)
    return text if text.startswith("-") or before.endswith("l") else f" {text}"


def number(value: float) -> str:
    """A coordinate: a tenth of a unit is finer than a screen shows."""
    text = f"{value:.1f}"
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def word(x: float, y: float, said: str, kind: str = "") -> Markup:
    """A text; `kind` is a class of the style sheet."""
    opened = Markup('<text class="{}"').format(kind) if kind else Markup("<text")
    return opened + Markup(' x="{}" y="{}">{}</text>').format(number(x), number(y), said)
