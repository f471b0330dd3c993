"""The variants as they are drawn: each the same in all pictures of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.analyse.field.comparison import Comparison, Row
from harness.report.draw.colours import Look
from harness.report.page import view

SHOWN = 8  # variants that are drawn until the reader chooses others
_ALL = 10  # so many are drawn at once all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownVariant:
    """A variant, as it is drawn."""

    name: str
    key: int  # stands for the name where that does not fit
    group: str  # its track
    look: Look
    shown: bool  # until the reader chooses others

    @property
    def attributes(self) -> Markup:
        """The attributes that charts.js needs on an element that it may show or hide."""
        return Markup('data-name="{}" data-group="{}" data-key="{}"').format(
            view.clean(self.name), view.clean(self.group), self.key
        )

    @property
    def classes(self) -> str:
        """Its colour and line style, and whether it is hidden at first."""
        return self.look.classes if self.shown else f"{self.look.classes} off"


Subjects = dict[str, ShownVariant]


def of_comparison(comparison: Comparison, looks: dict[str, Look]) -> Subjects:
    """By name, in the order of the rows."""
    rows = [row for row in comparison.rows if row.measured]
    shown = chosen(rows)
    return {
        row.variant: ShownVariant(
            name=row.variant,
            key=key,
            group=kind(row),
            look=looks[row.variant],
            shown=row.variant in shown,
        )
        for key, row in enumerate(rows, 1)
    }


def kind(row: Row) -> str:
    """Its track, or that it is a reference."""
    return "reference" if row.server.reference else row.server.track


def chosen(rows: Sequence[Row]) -> set[str]:
    """The variants to draw at first: the references, what is INVALID, and of the others the best of
    each track in turn."""
    aside = {row.variant for row in rows if row.server.reference or row.invalid}
    others = [row for row in rows if row.variant not in aside]
    if len(others) <= _ALL:
        return aside | {row.variant for row in others}
    tracks: dict[str, list[str]] = {}
    for row in others:
        tracks.setdefault(row.server.track, []).append(row.variant)
    depth = max(map(len, tracks.values()))
    turns = [names[place] for place in range(depth) for names in tracks.values() if names[place:]]
    return aside | set(turns[:SHOWN])
