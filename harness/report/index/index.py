"""The list of all campaigns: one self-contained file that leads to their reports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from harness.analyse.campaigns import summary as summaries
from harness.analyse.campaigns.summary import Headline, Summary, VariantSummary
from harness.analyse.field.comparison import COLUMNS
from harness.base import reading
from harness.base.errors import HarnessError
from harness.report import files, templating
from harness.report.draw import sparkline
from harness.report.index import shelf, trends
from harness.report.index.shelf import ListedCampaign, Say
from harness.report.index.trends import Key, Trend
from harness.report.page import page, view
from harness.report.page.headline import NAMED
from harness.report.text import outcomes

_HEADLINES = 6  # of a campaign; a sweep has one for each of its points


@dataclass(slots=True)
class TrendLines:
    """The lines that some campaign shows, each drawn once and used by all."""

    trends: dict[Key, Trend]
    shown: dict[Key, str]

    def spark(self, name: str, key: Key, standing: VariantSummary, metric: str) -> Markup | None:
        """The line of a standing; None where it has no other campaign to be beside."""
        trend = self.trends.get(key)
        if trend is None or name not in trend.places or len(trend.values) < 2:
            return None
        column, here = COLUMNS[metric], trend.values[trend.places[name]]
        low, high = (view.amount(end(trend.values), column) for end in (min, max))
        label = (
            f"{column.title} of {standing.variant} over {len(trend.values)} campaigns, "
            f"{low} to {high}; here {view.amount(here, column)}"
        )
        line = self.shown.setdefault(key, f"t{len(self.shown)}")
        return sparkline.picture(line, trend.values, trend.places[name], label)


def write(
    results: Path, reports: Path, limit_s: float | None = None, say: Say = lambda _: None
) -> Path:
    """Write `index.html` among the reports; its path. Raises StoreError.

    Campaigns that have no summary yet are read, for at most about `limit_s` (None: all of them);
    `say` gets a sentence where that takes long.
    """
    return files.write_page(
        reports / "index.html", render(shelf.gather(results, reports, limit_s, say))
    )


def render(entries: list[ListedCampaign]) -> str:
    """The list as text; the entries come newest first."""
    entries = [_readable(entry) for entry in entries]
    known = [(entry.name, s) for entry in reversed(entries) if (s := entry.summary) is not None]
    lines = TrendLines(trends.collect(known), {})
    rows = [_row(entry, lines) for entry in entries]
    drawn = ((name, lines.trends[key].values) for key, name in lines.shown.items())
    return (
        page.environment()
        .get_template("index.html.j2")
        .render(
            rows=rows,
            lines=sparkline.lines(drawn),
            style=Markup(templating.assets("*.css")),
        )
    )


def _readable(entry: ListedCampaign) -> ListedCampaign:
    """The entry, without its summary where that holds what no campaign comes to."""
    if entry.summary is None:
        return entry
    try:
        with reading.made_sense_of(Path(entry.name)):
            _row(entry, TrendLines(trends.collect([(entry.name, entry.summary)]), {}))
    except HarnessError as error:
        return replace(entry, summary=None, problem=str(error))
    return entry


def _row(entry: ListedCampaign, lines: TrendLines) -> dict[str, Any]:
    found = entry.summary
    headlines = summaries.headlines(found) if found else ()
    return {
        "entry": entry,
        "date": entry.at[:16].replace("T", " "),
        "link": f"./{quote(entry.name, safe='')}/index.html" if entry.has_report else None,
        "machine": _machine(entry.machine),
        "chips": outcomes.counted(found.counts) if found else [],
        "planned": found.counts.planned if found else 0,
        "headlines": [
            _headline(entry.name, found, each, lines) for each in headlines[:_HEADLINES] if found
        ],
        "more": max(0, len(headlines) - _HEADLINES),
        "nothing": found is not None and not any(each.leaders for each in headlines),
    }


def _machine(known: str) -> str:
    """A machine as people read it, of what hosts.machine_id makes of it."""
    name, cpus, memory = ("", "", *known.rsplit(" / ", 2))[-3:]
    return ", ".join(part for part in (name, f"{cpus} CPUs" if cpus else "", memory) if part)


def _headline(name: str, found: Summary, headline: Headline, lines: TrendLines) -> dict[str, Any]:
    benchmark = headline.benchmark
    metric = COLUMNS[benchmark.ranked_by]
    leaders = [
        (s, lines.spark(name, trends.key_of(found, benchmark, s), s, metric.name))
        for s in headline.leaders[:NAMED]
    ]
    spread = headline.spread
    return {
        "none_holds": metric.name == "capacity" and spread is not None and spread.median == 0,
        "benchmark": benchmark,
        "track": headline.track,
        "metric": metric,
        "spread": spread,
        "leaders": leaders,
        "more": max(0, len(headline.leaders) - NAMED),
        "between": "?" if headline.untold else "=",
    }
