"""What changed, as one self-contained file."""

from __future__ import annotations

import math
from pathlib import Path

from harness.analyse.field.paired import CONFIDENCE
from harness.analyse.regression.differences import Change, Changes
from harness.report import files, templating
from harness.report.compare import compared

_WIDTH = 100.0  # of the strip that shows an interval, in its own units
_SPAN = math.log(1.5)  # the strip ends at half as much again, and at two thirds


def write(changes: Changes, path: Path) -> Path:
    """Write the page. Raises StoreError where it can't be written."""
    return files.write(path, render(changes))


def render(changes: Changes) -> str:
    """The page, as text."""
    helpers = (compared.ratio, compared.share, compared.said, compared.unit, compared.numbers)
    jinja = templating.environment(*helpers, strip, folder=templating.TEMPLATES / "compare")
    return jinja.get_template("page.html.j2").render(
        changes=changes,
        headline=compared.headline(changes),
        told=compared.told(changes.rows),
        benchmarks=list(dict.fromkeys(row.benchmark for row in changes.rows)),
        sources=list(dict.fromkeys(found.source for found in changes.shown)),
        confidence=f"{CONFIDENCE:.0%}",
        middle=_WIDTH / 2,
        width=_WIDTH,
    )


def strip(row: Change) -> dict[str, float] | None:
    """Where the interval, the ratio and the least effect lie on a strip; None without interval."""
    found = row.ratio
    if found is None or found.rounds == 1 or not math.isfinite(found.ratio) or not found.ratio:
        return None
    low, ratio, high = (_place(value) for value in (found.low, found.ratio, found.high))
    within = _place(1 + row.effect) - _WIDTH / 2
    return {"low": low, "ratio": ratio, "length": high - low, "within": within}


def _place(value: float) -> float:
    """A ratio's place on the strip, on a logarithmic scale; 1 lies in the middle."""
    share = math.log(value) / _SPAN if value > 0 else -1.0
    return round(_WIDTH / 2 * (1 + min(1.0, max(-1.0, share))), 2)
