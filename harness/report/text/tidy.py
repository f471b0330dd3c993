"""The report as one table: a row for each variant, benchmark and metric."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from harness.analyse.field.comparison import COLUMNS as METRICS
from harness.analyse.field.comparison import Comparison, Row
from harness.report.page import view
from harness.report.page.view import Report
from harness.report.text import outcomes

# Unknown values are None.
COLUMNS: dict[str, type] = {
    **dict.fromkeys(("campaign", "benchmark"), str),
    "benchmark_version": int,
    **dict.fromkeys(("slo", "variant", "framework", "version", "track"), str),
    "reference": bool,
    "rank": int,
    **dict.fromkeys(("outcome", "reason"), str),
    **dict.fromkeys(("rounds", "counted"), int),
    **dict.fromkeys(("metric", "unit", "better"), str),
    **dict.fromkeys(("value", "low", "high"), float),
    "value_rounds": int,
    "beyond": str,  # what is known of a percentile that falls among requests which failed
}


def rows(report: Report) -> Iterator[dict[str, Any]]:
    """Every row, with a value for each of COLUMNS."""
    for comparison in report.comparisons:
        for row in comparison.rows:
            yield from _rows(report, comparison, row)


def _rows(report: Report, comparison: Comparison, row: Row) -> Iterator[dict[str, Any]]:
    facts, server = comparison.facts, row.server
    common = {
        "campaign": line(report.campaign.id),
        "benchmark": line(comparison.benchmark),
        "benchmark_version": facts.version if facts else None,
        "slo": line(facts.slo) if facts else None,
        "variant": line(row.variant),
        "framework": line(server.framework),
        "version": line(server.version) if server.version else None,
        "track": line(server.track),
        "reference": server.reference,
        "rank": row.rank,
        "outcome": outcomes.outcome(row),
        "reason": line(outcomes.why_out(row) or "") or None,
        "rounds": row.rounds,
        "counted": row.counted,
    }
    for name, metric in METRICS.items():
        spread = row.spreads[name]
        numbers = (spread.median, spread.low, spread.high) if spread else (None,) * 3
        yield {
            **common,
            **{"metric": name, "unit": metric.unit, "better": metric.better},
            **dict(zip(("value", "low", "high"), map(_known, numbers), strict=True)),
            "value_rounds": spread.rounds if spread else None,
            "beyond": row.beyond.get(name),
        }


def line(value: str) -> str:
    """Text in one line."""
    return " ".join(str(view.clean(value)).split())


def _known(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
