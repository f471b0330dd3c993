"""Recording and alert rules as Prometheus reads them, for `rule_files`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.monitoring import burning, served
from harness.monitoring.burning import BURNS, WINDOWS, Severity, SloName
from harness.monitoring.served import RecordingRule
from harness.setup.server_metrics import CountersTable
from harness.setup.slo import Slo

BUDGET = "serving:slo_budget"
_BAD, _ALL = f"serving:slo_bad:rate{served.RATE}", f"serving:slo_all:rate{served.RATE}"
_STALLED_S = 1800  # of a phase: the longest windows of presets take some minutes
_DOWN = "5m"
Group = dict[str, Any]


def bad(window: str) -> str:
    """The name of the share of bad requests in a window, with the label `slo`."""
    return f"serving:slo_errors_per_request:ratio_rate{window}"


def for_models(frameworks: Mapping[str, CountersTable], slo: Slo) -> list[Group]:
    """The rules of served models. Raises UsageError for an SLO that no alert can watch."""
    budgets = dict(burning.budgets(slo))
    groups = [
        _group(
            f"serving {name}",
            [
                _recorded(replace(rule, labels=(("framework", name),)))
                for rule in served.of_framework(name, counters, slo)
            ],
        )
        for name, counters in sorted(frameworks.items())
    ]
    return [
        *groups,
        _group("serving", map(_recorded, served.common())),
        _group("serving slo", map(_recorded, _burnt(budgets))),
        _group("serving alerts", [*_burns(budgets, slo), _down()]),
    ]


def for_campaigns() -> list[Group]:
    """The alerts of campaigns."""
    alerts = [
        {
            "alert": "HarnessCellFailed",
            "expr": 'serving_harness_cells{state="failed"} > 0',
            "labels": {"severity": "ticket"},
            "annotations": {"summary": "{{ $value }} cells of the campaign have failed."},
        },
        {
            "alert": "HarnessStalled",
            "expr": f"time() - serving_harness_phase_start_timestamp_seconds > {_STALLED_S}",
            "labels": {"severity": "ticket"},
            "annotations": {
                "summary": "The campaign has been in one phase for {{ $value | humanizeDuration }}."
            },
        },
    ]
    return [_group("campaigns", alerts)]


def _burnt(budgets: Mapping[SloName, float]) -> Iterator[RecordingRule]:
    """The share of bad requests in each window. The longer ones are means of rates, each weighted
    by its traffic: Prometheus need not read three days of buckets at each evaluation."""
    for name, budget in budgets.items():
        yield RecordingRule(record=BUDGET, expr=f"vector({budget:g})", labels=(("slo", name),))
    # A failed request that is slow, too, may be in both. Of a framework that counts no failures,
    # or has no histogram, nothing is said.
    missed = f"{served.LATE} + ({served.FAILED} or 0 * {served.LATE})"
    for name in budgets:
        own = (("slo", name),)
        expr = served.FAILED if name == "errors" else missed
        yield RecordingRule(record=_BAD, expr=expr, labels=own)
        # Once more in this group: groups are evaluated at moments of their own, and both sides of
        # a ratio must have as many samples in a window.
        yield RecordingRule(record=_ALL, expr=served.REQUESTS, labels=own)
    for window in WINDOWS:
        for name in budgets:
            over, every = (f'{record}{{slo="{name}"}}' for record in (_BAD, _ALL))
            if window != served.RATE:
                over, every = (f"sum_over_time({each}[{window}])" for each in (over, every))
            expr = f"clamp_max({over} / ({every} > 0), 1)"
            yield RecordingRule(record=bad(window), expr=expr, labels=(("slo", name),))


def _burns(budgets: Mapping[SloName, float], slo: Slo) -> Iterator[dict[str, Any]]:
    limit_ms = slo.limit_ns / 1e6
    promised = {
        "errors": f"at most {100 * slo.errors:g}% of the requests fail",
        "latency": f"{100 * slo.share:g}% of the requests are answered within {limit_ms:g} ms",
    }
    severities: tuple[Severity, ...] = ("page", "ticket")
    for name, budget in budgets.items():
        for severity in severities:
            ways = [
                f"({_above(burn.long, name, burn.factor * budget)} and "
                f"{_above(burn.short, name, burn.factor * budget)})"
                for burn in BURNS
                if burn.severity == severity
            ]
            yield {
                "alert": f"Serving{name.title()}BudgetBurns",
                "expr": " or ".join(ways),
                "labels": {"severity": severity, "slo": name},
                "annotations": {
                    "summary": "{{ $labels.framework }} {{ $labels.variant }} breaks its SLO.",
                    "description": f"Promised: {promised[name]}. Now {{{{ $value | "
                    "humanizePercentage }} are bad, over the longer of the alert's windows.",
                },
            }


def _above(window: str, name: SloName, most: float) -> str:
    return f'{bad(window)}{{slo="{name}"}} > {most:.6g}'


def _down() -> dict[str, Any]:
    return {
        "alert": "ServingDown",
        "expr": 'up{job="served-models"} == 0',
        "for": _DOWN,
        "labels": {"severity": "page"},
        "annotations": {"summary": "{{ $labels.instance }} does not answer Prometheus."},
    }


def _group(name: str, rules: Any) -> Group:
    return {"name": name, "rules": list(rules)}


def _recorded(rule: RecordingRule) -> dict[str, Any]:
    labels = {"labels": dict(rule.labels)} if rule.labels else {}
    return {"record": rule.record, "expr": rule.expr, **labels}
