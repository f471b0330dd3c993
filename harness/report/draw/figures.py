"""A chart as the page shows it: a picture with its caption and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.draw.panels import Panel
from harness.report.page.subjects import ShownVariant


@dataclass(frozen=True, slots=True)
class ChartRow:
    """A variant in the table under a chart."""

    subject: ShownVariant
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A chart as text."""

    head: tuple[str, ...]  # beside the variant and its track
    lines: tuple[ChartRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture that stands still."""

    title: str
    caption: str
    svg: Markup
    tall: bool = False  # as high as two others
    kind: str = "still"
    wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChart:
    """A picture whose values can be pointed at, and of which variants can be chosen."""

    title: str
    caption: str
    svg: Markup
    table: Table
    kind: str = "live"
    wide: bool = False
    tall: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panels:
    """A small picture for each variant."""

    title: str
    caption: str
    backdrop: Markup
    panels: Sequence[Panel]
    kind: str = "panels"
    wide: bool = True
    tall: bool = False
    folded: bool = False  # until the reader wants to see it
