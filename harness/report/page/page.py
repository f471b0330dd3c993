"""The page: every section of a report, rendered into one self-contained file."""

from __future__ import annotations

import base64
import hashlib
import json

from jinja2 import Environment
from markupsafe import Markup

from harness.analyse.campaigns import summary
from harness.report import templating
from harness.report.draw import colours, drawing
from harness.report.page import sections, view
from harness.report.page.view import Report
from harness.report.text import outcomes


def of_report(report: Report) -> str:
    """The page, as text. The same files give the same bytes."""
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
        summary=outcomes.counted(summary.counts(report.digested)),
        synthetic=_synthetic(report),
        style=Markup(templating.assets("*.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def environment() -> Environment:
    """The environment that renders the templates of a campaign's pages."""
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
        view.usd,
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
