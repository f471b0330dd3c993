"""Cells, in a word."""

from __future__ import annotations

from harness.stored.identity import Cell, Point, Subject


def cell_of(
    variant: str,
    benchmark: str,
    round: int = 1,
    *,
    launcher: str | None = None,
    revision: str | None = None,
    point: Point | None = None,
) -> Cell:
    """A cell of a variant as it usually comes up, unless something else is said."""
    return Cell(
        subject=Subject(variant, launcher, revision), benchmark=benchmark, point=point, round=round
    )
