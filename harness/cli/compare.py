"""`harness compare`: two campaigns, or the two revisions of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import EXIT_FAILED, EXIT_OK, EXIT_REGRESSION, EXIT_USAGE, UsageError
from harness.cli import _say
from harness.cli._named import BENCHMARK, CAMPAIGN, VARIANT

if TYPE_CHECKING:
    from harness.analyse.regression.differences import Changes

_TEXT, _JSON, _HTML = "text", "json", "html"
_FORMATS = (_TEXT, _HTML, "markdown", "junit", _JSON)


@click.command("compare")
@click.argument("base", type=CAMPAIGN)
@click.argument("new", type=CAMPAIGN, required=False)
@click.option("--format", "form", type=click.Choice(_FORMATS), default=_TEXT, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write to this file; print its path."
)
@click.option("--fail-on-regression", is_flag=True, help="Exit 3 if something got worse.")
@click.option(
    "--minimum-effect",
    "effects",
    multiple=True,
    help="Smallest change to report: 5% or capacity=10%; repeatable.",
)
@click.option(
    "--variant", "variants", type=VARIANT, multiple=True, help="Compare only this; repeatable."
)
@click.option(
    "--benchmark",
    "benchmarks",
    type=BENCHMARK,
    multiple=True,
    help="Compare only this; repeatable.",
)
@click.option(
    "--rename", "renames", multiple=True, help="OLD=NEW: a variant was renamed; repeatable."
)
@click.option(
    "--noise",
    type=CAMPAIGN,
    multiple=True,
    help="Campaign that shows the noise of this host, such as one of `run --against HEAD`.",
)
def command(**options: Any) -> int:
    """Show what changed from campaign BASE to campaign NEW.

    With BASE alone, which was `run --against` a revision: what changed from that revision.
    """
    changes = _changes(options)
    form = _JSON if options["as_json"] else options["form"]
    if form == _HTML:
        _say.line(str(_page(changes, options)))
    else:
        _print(_texts()[form](changes), options["output"])
    for problem in changes.damaged:
        _say.line(f"left out: {problem}", err=True)
    return _exit_code(changes, fail=options["fail_on_regression"])


def _changes(options: dict[str, Any]) -> Changes:
    from harness.analyse.regression import changes
    from harness.analyse.run import digest
    from harness.base import reading
    from harness.cli import _compared, _select

    asked = _compared.wanted(options["effects"], options["variants"], options["benchmarks"])
    renamed = _select.pairs("--rename", options["renames"])
    if options["new"] is None and renamed:
        raise UsageError(
            "--rename goes with two campaigns; for one campaign, give it to run --against."
        )
    if options["new"] is not None and options["noise"]:
        raise UsageError("--noise goes with one campaign that was run --against a revision.")
    names = [name for name in (options["base"], options["new"]) if name is not None]
    folders = [_select.stored_campaign(name) for name in (*names, *options["noise"])]
    base, *others = map(digest.of_campaign, folders)
    with reading.made_sense_of(folders[-1]):
        if options["new"] is not None:
            return changes.of_campaigns(base, others[0], asked, renamed)
        return changes.of_revisions(base, asked, others)


def _texts() -> dict[str, Callable[[Changes], str]]:
    from harness.report.compare import compared

    return {
        _TEXT: lambda changes: "\n".join(compared.lines(changes)).lstrip("\n") + "\n",
        _JSON: lambda changes: json.dumps(compared.as_json(changes), indent=1) + "\n",
        "markdown": compared.markdown,
        "junit": compared.junit,
    }


def _page(changes: Changes, options: dict[str, Any]) -> Path:
    """Write the page where it was asked for, or beside the newer campaign's report."""
    from harness.base import paths
    from harness.report.compare import compared_page

    base, new = options["base"], options["new"]
    usual = f"{new}/compare-{base}.html" if new else f"{base}/compare.html"
    return compared_page.write(changes, options["output"] or paths.reports_dir() / usual)


def _print(text: str, output: Path | None) -> None:
    from harness.report import files

    if output is None:
        _say.document(text)
    else:
        _say.line(str(files.write(output, text)))


def _exit_code(changes: Changes, *, fail: bool) -> int:
    if changes.why_not:
        _say.line(f"error: not comparable: {'; '.join(changes.why_not)}.", err=True)
        return EXIT_USAGE
    if fail and changes.regressions:
        return EXIT_REGRESSION
    return EXIT_FAILED if changes.damaged else EXIT_OK
