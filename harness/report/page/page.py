"""The page: reads a campaign, renders every section, writes one self-contained file."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from harness.analyse.cost import prices
from harness.analyse.cost.prices import PriceTable
from harness.analyse.field import comparison
from harness.analyse.run.digested import Digested
from harness.report import files, templating
from harness.report.draw import colours, drawing
from harness.report.page import sections, view
from harness.report.page.view import Report


def write(digested: Digested, out_dir: Path, table: PriceTable | None = None) -> Path:
    """Write the report of a campaign; its path. The same files give the same bytes.

    Raises StoreError where it can't be written.
    """
    return files.write_page(out_dir / "index.html", render(digested, table))


def render(digested: Digested, table: PriceTable | None = None) -> str:
    """The report of a campaign, as text; `table` is of prices, None for the usual one."""
    return of_report(Report(digested, comparison.compare(digested), table or prices.load()))


def of_report(report: Report) -> str:
    """The same, where the comparisons have been made."""
    jinja = environment_of(report)
    parts = []
    for section in sections.load():
        values = section.make(report)
        if values is not None:
            body = jinja.get_template(section.template).render(values)
            parts.append((section, Markup(body)))
    script = templating.assets("*.js")
    return jinja.get_template("page.html.j2").render(
        campaign=report.campaign,
        parts=parts,
        words=json.dumps(jinja.filters["find"].words),
        benchmarks=[comparison.benchmark for comparison in report.comparisons],
        summary=_summary(report),
        synthetic=_synthetic(report),
        style=Markup(templating.assets("*.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def environment() -> Environment:
    """What renders the templates of a campaign's pages."""
    jinja = templating.environment(
        view.amount,
        view.anchor,
        view.evidence,
        view.home,
        view.interval,
        view.listed,
        view.number,
        view.plural,
        view.rate,
        view.rounds,
        view.track_note,
    )
    jinja.filters["short"] = drawing.short
    jinja.globals["NONE"] = view.NONE
    return jinja


def environment_of(report: Report) -> Environment:
    """The same, with what the report's own variants are found and coloured by."""
    jinja = environment()
    jinja.filters["find"] = view.Finder(report)
    looks = colours.of_variants(report.comparisons)
    jinja.filters["look"] = lambda variant: looks[variant].classes
    return jinja


def _synthetic(report: Report) -> list[str]:
    """Benchmarks whose weights mean nothing."""
    facts = report.campaign.benchmarks.items()
    return sorted(name for name, found in facts if found.synthetic)


def _summary(report: Report) -> list[tuple[str, int, str]]:
    """(kind, count, noun) of what became of the planned cells; kinds without any are left out."""
    digests = report.digested.digests
    failed = sum(found.facts.failure is not None for found in digests)
    invalid = sum(found.invalid for found in digests) - failed
    counts = [
        ("ok", len(digests) - failed - invalid, "ok"),
        ("invalid", invalid, "INVALID"),
        ("failed", failed, "failed"),
        ("failed", len(report.digested.damaged), "damaged"),
        ("invalid", len(report.digested.missing), "not run"),
    ]
    return [found for found in counts if found[1]]
