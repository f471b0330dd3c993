"""The search for the capacity: its answers, and its path drawn."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from harness.analyse.field.comparison import Comparison
from harness.analyse.run import capacity_words
from harness.analyse.run.capacity import Found
from harness.report.draw import colours, search_plot
from harness.report.draw.colours import Look
from harness.report.draw.figures import Panels
from harness.report.draw.panels import Panel
from harness.report.page import subjects
from harness.report.page.sections import Values, section
from harness.report.page.view import Report


@section("Capacity", order=20)
def capacity(report: Report) -> Values | None:
    looks = colours.of_variants(report.comparisons)
    found = [made for c in report.comparisons if (made := _benchmark(c, looks)) is not None]
    return {"benchmarks": found} if found else None


def _benchmark(comparison: Comparison, looks: dict[str, Look]) -> dict[str, Any] | None:
    searches: list[tuple[str, Found]] = []
    for row in comparison.rows:
        # One round is enough to see how it went; the others are in the figures.
        known = [digest.found for digest in row.digests if digest.found is not None]
        searches += [(row.variant, known[0])] if known else []
    if not searches:
        return None
    wanted = searches[0][1].slo
    return {
        "name": comparison.benchmark,
        "slo": str(wanted),
        "chart": _drawn(comparison, searches, looks),
        "said": [(name, capacity_words.sentence(found)) for name, found in searches],
    }


def _drawn(
    comparison: Comparison, searches: list[tuple[str, Found]], looks: dict[str, Look]
) -> Panels | None:
    known = subjects.of_comparison(comparison, looks)
    drawn = (
        (known[n], search_plot.draw(n, found, looks[n])) for n, found in searches if n in known
    )
    panels = [Panel(subject, svg) for subject, svg in drawn if svg is not None]
    if not panels:
        return None
    caption = (
        f"Each mark is a probe of the first round: p{100 * searches[0][1].slo.share:g} of its "
        "response times, in ms, over its rate, in requests per second. Circle: meets the SLO; "
        "cross: breaks it; square: undecided by itself; pale: disturbed, counted only if it meets "
        "the SLO. Dashed: the limit. Line and band: the capacity with its 95% interval, "
        "fitted to all probes near it."
    )
    return Panels(
        title="How it was searched for", caption=caption, backdrop=Markup(""), panels=panels
    )
