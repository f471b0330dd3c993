"""The search for the capacity: its answers, and its path drawn."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from harness.analyse import capacity as searching
from harness.analyse.capacity import Found
from harness.analyse.comparison import Comparison
from harness.report import search_plot, svg
from harness.report.sections import Values, section
from harness.report.view import Report


@section("Capacity", order=20)
def capacity(report: Report) -> Values | None:
    benchmarks = [found for c in report.comparisons if (found := _benchmark(c)) is not None]
    return {"benchmarks": benchmarks} if benchmarks else None


def _benchmark(comparison: Comparison) -> dict[str, Any] | None:
    searches: list[tuple[str, Found]] = []
    for row in comparison.rows:
        # One round is enough to see how it went; the others are in the figures.
        known = [digest.found for digest in row.digests if digest.found is not None]
        searches += [(row.variant, known[0])] if known else []
    if not searches:
        return None

    def plot(figure: Figure) -> None:
        search_plot.draw(figure, searches)

    said = [(name, searching.sentence(found)) for name, found in searches]
    alternative = "Searches for the capacity: " + "; ".join(f"{n} {text}" for n, text in said)
    name = f"{comparison.benchmark}/capacity"
    return {
        "name": comparison.benchmark,
        "slo": str(searches[0][1].slo),
        "share": f"p{100 * searches[0][1].slo.share:g}",
        "svg": svg.draw(name, search_plot.size(len(searches)), alternative, plot),
        "said": said,
    }
