"""The page of a history: what changed, what the host did, a chart for each variant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from harness.analyse.campaigns.history import ChangePoint, History, Series
from harness.analyse.campaigns.series import Place
from harness.analyse.campaigns.steps import FALSE_ALARMS, LEAST_CHANGE, LEAST_NIGHTS
from harness.analyse.field.comparison import COLUMNS
from harness.report import files, templating
from harness.report.history import history_plot
from harness.report.page import view

HEADLINE = "latency_p50"  # drawn for every variant; other numbers where they changed
CAUSES = {
    "host": "the host",
    "shared": "shared by the variants: the harness, the model's runtime, the canaries",
    "version": "the framework: another version",
    "variant": "the variant: no other version is known",
}


@dataclass(frozen=True, slots=True)
class SeriesChart:
    """A variant on one ground."""

    title: str
    place: str
    picture: Markup


def write(history: History, out_dir: Path, last: int, problems: Sequence[str]) -> Path:
    """Write the page; its path. Raises StoreError where it can't be written."""
    return files.write_page(out_dir / "index.html", render(history, last, problems))


def render(history: History, last: int, problems: Sequence[str] = ()) -> str:
    """The page, as text."""
    jinja = templating.environment(view.plural)
    recent = history.recent(last)
    return jinja.get_template("history.html.j2").render(
        style=Markup(templating.assets("*.css")),
        nights=history.nights,
        series=history.series,
        long=sum(series.fitted.visible is not None for series in history.series),
        rows=[_row(change, change in recent) for change in history.changes],
        last=last,
        recent=len(recent),
        hosts=list(_charts(history, hosts=True)),
        charts=list(_charts(history, hosts=False)),
        problems=problems,
        causes=CAUSES,
        least=f"{LEAST_CHANGE:.0%}",
        nights_each_side=LEAST_NIGHTS,
        false_alarms=FALSE_ALARMS,
    )


def markdown(history: History, last: int) -> str:
    """Changes as a table for an issue or a pull request."""
    if not history.changes:
        return f"Nothing changed in {view.plural(len(history.nights), 'campaign')}.\n"
    recent = history.recent(last)
    heads = ("night", "variant", "benchmark", "metric", "change", "cause", "what else")
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for change in history.changes:
        row = _row(change, change in recent)
        cells = [row["night"], row["variant"], row["benchmark"], row["metric"], row["change"]]
        cells += [row["cause"], row["what"]]
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def said(change: ChangePoint) -> str:
    """A change in one line."""
    row = _row(change, False)
    what = f" ({row['what']})" if row["what"] else ""
    where = f"{row['variant']} on {row['benchmark']}"
    return f"{where}: {row['metric']} {row['change']}, by {row['cause']}{what}"


def _cell(text: str) -> str:
    """Text that can't end a cell, nor become a link, a picture or a mention."""
    plain = " ".join(str(view.clean(text)).split())
    return re.sub(r"[^\w\s.,:;()+%/−→-]", lambda sign: f"&#{ord(sign[0])};", plain)


def _row(change: ChangePoint, new: bool) -> dict[str, str]:
    metric = COLUMNS[change.series.metric]
    before, after = change.levels
    host = change.series.is_host
    verdict = ("slower" if change.worse else "faster") if host else _verdict(change)
    levels = f"{view.number(before, metric.digits)} to {view.amount(after, metric)}"
    return {
        "night": change.mark.started_at[:10],
        "campaign": change.mark.campaign,
        "variant": change.series.variant,
        "benchmark": change.series.place.ground.benchmark,
        "metric": metric.title,
        "change": f"{_percent(change.ratio)} ({levels}), {verdict}",
        "kind": "host" if change.cause == "host" else verdict,
        "cause": CAUSES[change.cause],
        "what": ", ".join(change.what),
        "new": "new" if new else "",
    }


def _verdict(change: ChangePoint) -> str:
    return "worse" if change.worse else "better"


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f}%".replace("-", "−")


def _charts(history: History, hosts: bool) -> list[SeriesChart]:
    """A chart for each variant on each ground; those with changes have a panel for each number."""
    groups: dict[tuple[str, Place], list[Series]] = {}
    for series in history.series:
        drawn = series.metric == HEADLINE or series.fitted.steps
        if series.is_host == hosts and drawn and len(series.marks) > 1:
            groups.setdefault((series.variant, series.place), []).append(series)
    found = []
    for (variant, place), panels in sorted(groups.items(), key=_order):
        changes = [c for c in history.changes if c.series in panels]
        title = f"{variant} on {place.ground.benchmark}"
        picture = history_plot.draw(panels, f"{title}: {_told(changes)}")
        found.append(SeriesChart(title, _place(place), picture))
    return found


def _order(item: tuple[tuple[str, Place], list[Series]]) -> tuple[str, str, str]:
    (variant, place), _ = item
    return variant, place.ground.benchmark, repr(place)


def _told(changes: Sequence[ChangePoint]) -> str:
    """The text alternative of a chart."""
    if not changes:
        return "no change"
    return "; ".join(f"{c.mark.started_at[:10]} {_percent(c.ratio)}" for c in changes)


def _place(place: Place) -> str:
    ground = place.ground
    said = [ground.machine, f"preset {ground.preset}", f"version {ground.version}"]
    said += [] if ground.device == "cpu" else [ground.device]
    said += [] if ground.driver == "native" else [f"driver {ground.driver}"]
    said += ["synthetic weights"] if ground.synthetic else []
    beside = view.listed(place.canaries) if place.canaries else "no canary"
    return f"{', '.join(said)}; beside {beside}"
