"""The report's figures for programs: stable keys, null where nothing is known."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from harness.analyse.campaigns import summary
from harness.analyse.field import scaling
from harness.analyse.field.comparison import COLUMNS, Comparison, Row
from harness.analyse.statistics.stats import Spread
from harness.report.formats import report_format
from harness.report.page import break_even, headline
from harness.report.page.break_even import Beside
from harness.report.page.view import Report
from harness.report.text import outcomes, scaled
from harness.stored.identity import record, told


@report_format("json", "report.json")
def json_(report: Report) -> str:
    return json.dumps(_report(report), indent=1, allow_nan=False) + "\n"


def _report(report: Report) -> dict[str, Any]:
    campaign, digested = report.campaign, report.digested
    short = summary.of(digested, report.comparisons)
    cluster = scaled.summary(scaling.of_comparisons(report.comparisons))
    return {
        "campaign": campaign.id,
        "started_at": campaign.started_at,
        "preset": campaign.preset,
        "device": campaign.device,
        "command": campaign.command,
        "environment": campaign.environment,
        "runs": asdict(short.counts),
        "headlines": [headline.sentence(found) for found in summary.headlines(short)],
        "metrics": {
            name: {key: getattr(metric, key) for key in ("title", "unit", "better", "definition")}
            for name, metric in COLUMNS.items()
        },
        "benchmarks": [_benchmark(each, report) for each in report.comparisons],
        **({"cluster": cluster} if cluster else {}),
        "damaged": [
            {**told(found.cell), "message": outcomes.damage(found, digested)}
            for found in digested.damaged
        ],
        "missing": [told(cell) for cell in digested.missing],
        "left_out": [{"what": what, "why": why} for what, why in campaign.left_out],
    }


def _benchmark(comparison: Comparison, report: Report) -> dict[str, Any]:
    facts, functions = comparison.facts, break_even.besides(report, comparison)
    return {
        "name": comparison.benchmark,
        "version": facts.version if facts else None,
        "slo": facts.slo if facts else None,
        "synthetic_weights": bool(facts and facts.synthetic),
        "ranked_by": comparison.ranked_by,
        "variants": [_variant(row, comparison) for row in comparison.rows],
        **({"functions": [_function(each) for each in functions]} if functions else {}),
    }


def _function(found: Beside) -> dict[str, Any]:
    """A function on a service, beside the server that is cheaper from the lowest rate on."""
    function, server, even = found.function, found.server, found.even
    return {
        "variant": function.variant,
        "provider": function.provider,
        "service": function.service,
        "memory_gib": function.memory_gib,
        "billed_s": asdict(function.seconds),
        "start_billed_s": function.start_s,
        "usd_per_million": asdict(function.usd),
        "server": server.variant if server is not None else None,
        "machine": f"{server.machine.provider} {server.machine.type}" if server else None,
        "server_cheaper_from_per_s": asdict(even) if even is not None else None,
    }


def _variant(row: Row, comparison: Comparison) -> dict[str, Any]:
    ranks = [each.rank for each in comparison.rows if each.server.track == row.server.track]
    return {
        "variant": row.variant,
        **record(row.cell.key),
        "framework": row.server.framework,
        "version": row.server.version,
        "track": row.server.track,
        "protocol": row.server.protocol,
        "launcher": row.server.launcher,
        "device": row.server.device,
        "reference": row.server.reference,
        "addresses": _addresses(row),
        "rank": row.rank,
        "tied": row.rank is not None and ranks.count(row.rank) > 1,
        "outcome": outcomes.outcome(row),
        "reason": outcomes.why_out(row),
        "rounds": row.rounds,
        "counted": row.counted,
        "failures": [
            {"round": d.cell.round, "phase": failure.phase, "message": failure.message}
            for d in row.digests
            if (failure := d.facts.failure) is not None
        ],
        "findings": [asdict(doubt) for doubt in outcomes.doubts(row)],
        "metrics": {name: _spread(row.spreads[name]) for name in COLUMNS},
        "beyond": [{"metric": name, "said": said} for name, said in row.beyond.items()],
    }


def _addresses(row: Row) -> list[str]:
    """The addresses at which an endpoint that was up already was loaded."""
    seen = [digest.seen for digest in row.digests if digest.seen is not None]
    return list(dict.fromkeys(address for each in seen for address in each.addresses))


def _spread(spread: Spread | None) -> dict[str, float | None] | None:
    if spread is None:
        return None
    numbers = {"value": spread.median, "low": spread.low, "high": spread.high}
    return {**{key: _finite(value) for key, value in numbers.items()}, "rounds": spread.rounds}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
