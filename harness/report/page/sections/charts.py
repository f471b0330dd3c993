"""Capacity, latency, start-up, memory and cost, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analyse.field.comparison import COLUMNS, Comparison, Row
from harness.analyse.statistics.stats import Spread
from harness.report.draw import (
    along_plot,
    bar_plot,
    colours,
    cost_chart,
    curves,
    dot_plot,
    load_chart,
)
from harness.report.draw.bar_plot import Bar
from harness.report.draw.colours import Look
from harness.report.draw.dot_plot import Dot
from harness.report.draw.figures import Chart, LiveChart, Panels
from harness.report.page import ranking, subjects, view
from harness.report.page.sections import Values, section
from harness.report.page.sections.verdict import steady_profile
from harness.report.page.subjects import Subjects
from harness.report.page.view import Report

_LOAD = "the same load for all"
_SMALL = 12  # variants whose pictures are no longer than others


@section("Charts", order=30)
def charts(report: Report) -> Values | None:
    looks = colours.of_variants(report.comparisons)
    found = [_benchmark(report, c, looks, n) for n, c in enumerate(report.comparisons)]
    found = [benchmark for benchmark in found if benchmark["charts"]]
    return {"benchmarks": found} if found else None


def _benchmark(
    report: Report, comparison: Comparison, looks: dict[str, Look], number: int
) -> dict[str, Any]:
    rows = [row for row in comparison.rows if row.measured and not row.invalid]
    known = subjects.of_comparison(comparison, looks)
    drawn: list[Chart | LiveChart | Panels | None] = [
        _capacity(comparison, rows, looks),
        load_chart.offered(comparison, rows, known),
        load_chart.distribution(rows, known, _load(comparison)),
        _startup(rows, looks),
        _memory(rows, looks),
        cost_chart.cost(report, rows, known),
        *_along(comparison, known, number),
    ]
    names = {row.variant for row in rows}
    left_out = [row.variant for row in comparison.rows if row.variant not in names]
    return {
        "name": comparison.benchmark,
        "charts": [chart for chart in drawn if chart is not None],
        "left_out": left_out,
    }


def _capacity(comparison: Comparison, rows: Sequence[Row], looks: dict[str, Look]) -> Chart | None:
    seen = [(row, spread) for row in rows if (spread := row.spreads["capacity"]) is not None]
    references = [row.variant for row in rows if row.server.reference]
    kept = curves.not_beyond({row.variant: spread.high for row, spread in seen}, references)
    known = [(row, spread) for row, spread in seen if row.variant in kept]
    if not known or comparison.facts is None:
        return None
    # Track by track, references last, each from the highest to the lowest.
    known.sort(
        key=lambda pair: (
            pair[0].server.reference,
            pair[0].server.track,
            -pair[1].median,
            pair[0].variant,
        )
    )
    groups = _dots(known, ranking.bounded(comparison), looks)
    said = "; ".join(
        f"{dot.name} ({kind}) {dot.text}" for kind, dots in groups.items() for dot in dots
    )
    alternative = f"Capacity in requests per second with {comparison.facts.slo}: {said}"
    caption = (
        f"The highest rate of random arrivals that meets {comparison.facts.slo}, with its 95% "
        "interval. Further right is better. Tracks are not compared with each other."
    )
    picture = dot_plot.draw(groups, "requests per second", alternative)
    return Chart(title="Capacity", caption=caption, svg=picture, tall=len(known) > _SMALL)


def _dots(
    known: Sequence[tuple[Row, Spread]], words: Mapping[str, str], looks: dict[str, Look]
) -> dict[str, list[Dot]]:
    """By track; in `words`, what is known of those of which only bounds are."""
    metric = COLUMNS["capacity"]
    groups: dict[str, list[Dot]] = {}
    for row, spread in known:
        text = words.get(row.variant) or _with_interval(
            view.number(spread.median, 1), view.interval(spread, metric)
        )
        dot = Dot(name=row.variant, look=looks[row.variant], spread=spread, text=text)
        groups.setdefault(subjects.kind(row), []).append(dot)
    return groups


def _with_interval(text: str, interval: str) -> str:
    return f"{text} ({interval})" if interval else text


def _startup(rows: Sequence[Row], looks: dict[str, Look]) -> Chart | None:
    known = [
        (row.variant, ready.median, max(first.median, ready.median))
        for row in rows
        if (ready := row.spreads["ready"]) and (first := row.spreads["first_answer"])
    ]
    if not known:
        return None
    known.sort(key=lambda item: (item[2], item[0]))
    bars = [
        Bar(
            name=name,
            look=looks[name],
            lengths=(ready, first - ready),
            text=f"{view.number(ready)} / {view.number(first)}",
        )
        for name, ready, first in known
    ]
    alternative = f"Start-up in seconds, ready and first answer: {_said(bars)}"
    caption = "Solid: until ready. Pale: from ready to the first right answer. Shorter is better."
    label = "seconds since the process was started"
    return Chart(title="Start-up", caption=caption, svg=bar_plot.draw(bars, label, alternative))


def _memory(rows: Sequence[Row], looks: dict[str, Look]) -> Chart | None:
    known = [(row.variant, used.median) for row in rows if (used := row.spreads["memory"])]
    if not known:
        return None
    known.sort(key=lambda item: (item[1], item[0]))
    bars = [
        Bar(name=name, look=looks[name], lengths=(mib,), text=view.number(mib, 0))
        for name, mib in known
    ]
    caption = "Proportional set size of the whole process tree. Shorter is better."
    picture = bar_plot.draw(bars, "MiB", f"Memory in MiB: {_said(bars)}")
    return Chart(title="Memory", caption=caption, svg=picture)


def _said(bars: Sequence[Bar]) -> str:
    return "; ".join(f"{bar.name} {bar.text}" for bar in bars)


def _along(comparison: Comparison, known: Subjects, number: int) -> list[Panels]:
    """A set of panels for each open-loop profile; what is INVALID is drawn too, and says so."""
    rows = [row for row in comparison.rows if row.measured]
    loads = {p.name: p for p in comparison.facts.profiles} if comparison.facts else {}
    found: list[Panels] = []
    for place, profile in enumerate(curves.profiles(rows)):
        name = f"along-{number}-{place}"
        backdrop, made = along_plot.draw(name, rows, profile, known)
        if not made:
            continue
        load = f", {view.rate(loads[profile])}" if profile in loads else ""
        caption = (
            f"The window {profile}{load}: milliseconds over its seconds. Thick: median; thin: p95, "
            "both per fortieth of the window and median over the rounds that count. Dashed, with "
            "its number: the median of a round with a finding. The grey band is the span "
            "of all medians."
        )
        folded = bool(found) and len(made) > _SMALL
        title = f"Response time along the window {profile}"
        found.append(
            Panels(title=title, caption=caption, backdrop=backdrop, panels=made, folded=folded)
        )
    return found


def _load(comparison: Comparison) -> str:
    profile = steady_profile(comparison)
    return f"{_LOAD} ({view.rate(profile)})" if profile else _LOAD
