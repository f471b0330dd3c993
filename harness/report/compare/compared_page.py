"""Changes as one self-contained file."""

from __future__ import annotations

import math
from pathlib import Path

from markupsafe import Markup

from harness.analyse.field.paired import CONFIDENCE
from harness.analyse.regression.differences import Change, Changes
from harness.report import files, templating
from harness.report.compare import compared
from harness.report.draw import ratio_strip


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
    )


def strip(row: Change) -> Markup:
    """The row's ratio, its interval and its least effect; nothing without an interval."""
    found = row.ratio
    if found is None or found.rounds == 1 or not math.isfinite(found.ratio) or not found.ratio:
        return Markup("")
    return ratio_strip.draw(found, row.effect)
