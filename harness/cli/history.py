"""`harness history`: what changed over many campaigns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import EXIT_OK, EXIT_REGRESSION, UsageError
from harness.cli import _say
from harness.cli._named import METRIC

if TYPE_CHECKING:
    from harness.analyse.campaigns.history import ChangePoint, History, Series

_LAST = 5  # nights within which a step of 5% is found: earlier ones were told before


@click.command("history")
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[DIR]...")
@click.option(
    "--metric", "metrics", type=METRIC, multiple=True, help="Metric to follow; repeatable."
)
@click.option(
    "--rename",
    "renames",
    multiple=True,
    metavar="OLD=NEW",
    help="A variant was renamed; repeatable.",
)
@click.option(
    "--last",
    type=click.IntRange(min=1),
    default=_LAST,
    show_default=True,
    help="Number of recent nights whose changes count as new.",
)
@click.option("--fail-on-change", is_flag=True, help="Exit 3 if a recent change was found.")
@click.option(
    "--format", "form", type=click.Choice(["text", "markdown"]), default="text", show_default=True
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    help="Folder of summaries: read all, add missing ones.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    folders: tuple[Path, ...],
    metrics: tuple[str, ...],
    renames: tuple[str, ...],
    last: int,
    fail_on_change: bool,
    form: str,
    keep: Path | None,
    as_json: bool,
) -> int:
    """Find change points over all campaigns in the given folders (default: all results)."""
    from harness.analyse.campaigns import all_nights, history, nights
    from harness.base import paths
    from harness.cli import _select
    from harness.report.history import history_page as report

    problems: list[str] = []

    def tell(problem: str) -> None:
        problems.append(problem)
        _say.line(problem, err=True)

    where = folders or (paths.results_dir(),)
    chosen = _metrics(metrics)
    kept = (keep,) if keep is not None and keep.is_dir() else ()
    known = all_nights.read([*_folders(where), *kept], tell, _select.pairs("--rename", renames))
    if not known:
        named = ", ".join(map(str, where))
        raise UsageError(f"There is no campaign in {named} that can be read.")
    if keep is not None:
        nights.keep(known, keep)
    found = history.of_nights(known, chosen)
    page = report.write(found, paths.reports_dir() / "history", last, problems)
    if as_json:
        _say.lines(json.dumps(_json(found, last, problems, page), indent=1))
    else:
        _say.lines(report.markdown(found, last) if form == "markdown" else _text(found, last))
        _say.line(f"report   {page}", err=form == "markdown")
    return EXIT_REGRESSION if fail_on_change and found.recent(last) else EXIT_OK


def _folders(given: Sequence[Path]) -> list[Path]:
    for folder in given:
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder.")
    return list(given)


def _metrics(given: tuple[str, ...]) -> tuple[str, ...]:
    from harness.analyse.campaigns.nights import FOLLOWED
    from harness.base.errors import unknown

    for name in given:
        if name not in FOLLOWED:
            raise unknown("metric that is followed", name, FOLLOWED)
    return tuple(dict.fromkeys(given)) or FOLLOWED


def _text(history: History, last: int) -> str:
    """A line for each change, the newest first."""
    from harness.report.history.history_page import said

    long = sum(series.fitted.visible is not None for series in history.series)
    lines = [
        f"{len(history.nights)} campaigns, {len(history.series)} series, {long} of them long enough"
    ]
    for change in history.changes:
        new = "  new" if change in history.recent(last) else ""
        lines.append(f"{change.mark.started_at[:10]}  {said(change)}{new}")
    return "\n".join([*lines, *([] if history.changes else ["nothing changed"])])


def _json(history: History, last: int, problems: list[str], page: Path) -> dict[str, Any]:
    recent = history.recent(last)
    return {
        "campaigns": [night.campaign for night in history.nights],
        "problems": problems,
        "report": str(page),
        "changes": [
            _change(change, change in recent)
            for change in history.changes
            if not change.series.is_host
        ],
        "host": [_change(c, False) for c in history.changes if c.series.is_host],
        "series": [
            {
                **_what(series),
                "benchmark": series.place.ground.benchmark,
                "metric": series.metric,
                "machine": series.place.ground.machine,
                "preset": series.place.ground.preset,
                "nights": len(series.marks),
                "visible": series.fitted.visible,
            }
            for series in history.series
        ],
    }


def _change(change: ChangePoint, recent: bool) -> dict[str, Any]:
    import math

    before, after = change.levels
    return {
        **_what(change.series),
        "benchmark": change.series.place.ground.benchmark,
        "metric": change.series.metric,
        "machine": change.series.place.ground.machine,
        "preset": change.series.place.ground.preset,
        "campaign": change.mark.campaign,
        "started_at": change.mark.started_at,
        "nights_ago": change.nights_ago,
        "ratio": change.ratio,
        "interval": [math.exp(change.step.low), math.exp(change.step.high)],
        "before": before,
        "after": after,
        "verdict": "worse" if change.worse else "better",
        "cause": change.cause,
        "what": list(change.what),
        "recent": recent,
    }


def _what(series: Series) -> dict[str, Any]:
    """The subject of a series: its names and their parts; the host has no subject."""
    subject, point = series.raw.subject, series.raw.point
    return {
        "variant": series.variant,
        "subject": asdict(subject) if subject else None,
        "plain_benchmark": series.raw.plain_benchmark,
        "point": asdict(point) if point else None,
    }
