"""docs/monitoring.md says what is exported and which burns are alerts."""

from __future__ import annotations

from harness.monitoring.burning import BURNS
from harness.monitoring.exported import EXPORTED
from tests.docs.pages import coded, rows, section, text

PAGE = text("docs/monitoring.md")


def test_every_exported_metric_is_described_in_the_words_of_its_help() -> None:
    described = {
        row[0].strip("`"): (row[1], coded(row[2]), row[3])
        for row in rows(section(PAGE, "Watch a campaign"))
    }
    assert described == {
        each.name: (each.type, set(each.labels), each.help.removesuffix("."))
        for each in EXPORTED.values()
    }


def test_every_burn_is_described() -> None:
    described = [
        tuple(row)
        for row in rows(section(PAGE, "Files for Prometheus and Grafana"))
        if row[0] in ("page", "ticket")
    ]
    assert described == [
        (b.severity, f"{b.factor:g}", b.long, b.short, b.spent.replace("%", " %")) for b in BURNS
    ]
