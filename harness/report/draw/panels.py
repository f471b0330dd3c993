"""Small pictures side by side, one for each variant; the page puts as many in a row as fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.draw import drawing
from harness.report.draw.colours import Look
from harness.report.draw.drawing import Frame
from harness.report.draw.scales import Scale
from harness.report.page.subjects import ShownVariant

_SIZE = (220, 104)


@dataclass(frozen=True, slots=True)
class Badge:
    """A remark on a panel."""

    kind: str  # a class of the page's badges
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A variant's small picture, and what stands above it."""

    subject: ShownVariant
    svg: Markup
    badges: tuple[Badge, ...] = ()


def frame(x: Scale, y: Scale) -> Frame:
    """The axes of a panel; the page says what is on them."""
    return Frame(x=x, y=y, x_label="", y_label="", left=32, top=5, right=216, bottom=86, gap=13)


def backdrop(name: str, *parts: Markup) -> Markup:
    """The common part of several panels, drawn once; each of them refers to it by that name."""
    opened = Markup('<svg class="unseen" aria-hidden="true"><defs><g class="backdrop" id="{}">')
    return opened.format(name) + Markup("").join(parts) + Markup("</g></defs></svg>")


def behind(name: str) -> Markup:
    """The backdrop of that name, in a panel."""
    return Markup('<use href="#{}"/>').format(name)


def draw(look: Look, alternative: str, parts: Iterable[Markup]) -> Markup:
    """A panel's picture, in the variant's colour."""
    inside = Markup('<g class="{}">').format(look.classes) + Markup("").join(parts)
    return drawing.picture(alternative, inside + Markup("</g>"), size=_SIZE)


def line(kind: str, path: str) -> Markup:
    """A line of a panel; nothing where there is none."""
    return Markup('<path class="{}" d="{}"/>').format(kind, path) if path else Markup("")
