"""How it was measured: the machine, the generator's proof, the benchmarks, what was left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.report.page import confidence
from harness.report.page.sections import Values, section
from harness.report.page.view import Report
from harness.setup import judges
from harness.stored.records import BenchmarkFacts


@section("How this was measured", order=60, short="Method")
def method(report: Report) -> Values | None:
    campaign = report.campaign
    return {
        "campaign": campaign,
        "server_cpus": ", ".join(map(str, campaign.server_cpus)),
        "generator_cpus": ", ".join(map(str, campaign.generator_cpus)),
        "shared": bool(set(campaign.server_cpus) & set(campaign.generator_cpus)),
        "benchmarks": [
            (name, facts, _judged(facts), list(_flat(facts.artefact)))
            for name, facts in _in_order(campaign.benchmarks)
        ],
        "searched": any(digest.found for digest in report.digested.digests),
        "workers": _workers(report),
        "rule": confidence.rule(),
        "left_out": _grouped(campaign.left_out),
    }


def _judged(facts: BenchmarkFacts) -> str:
    """When an answer was right."""
    near = "" if facts.tolerance is None else f"; tolerance {facts.tolerance:g}"
    return f"{facts.judge}: {judges.told(facts.judge)}{near}"


def _workers(report: Report) -> list[tuple[str, float, float]]:
    """The least certain worker of the driver `locust`, whose workers have clocks of their own:
    (name, the clock's offset and its uncertainty in ms)."""
    found: dict[str, tuple[float, float]] = {}
    for digest in report.digested.digests:
        for window in digest.facts.profiles:
            for worker in (each for each in window.workers if each.uncertainty_ns):
                offset, unsure = worker.offset_ns / 1e6, worker.uncertainty_ns / 1e6
                found[worker.name] = max(
                    found.get(worker.name, (offset, unsure)), (offset, unsure), key=_second
                )
    return [(name, *clock) for name, clock in sorted(found.items())]


def _second(pair: tuple[float, float]) -> float:
    return pair[1]


def _in_order(benchmarks: dict[str, BenchmarkFacts]) -> list[tuple[str, BenchmarkFacts]]:
    return sorted(benchmarks.items())


def _flat(facts: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Facts of a build as lines: nested ones get a dotted name."""
    for key, value in sorted(facts.items()):
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        elif isinstance(value, str):
            yield before + key, value
        elif isinstance(value, float):
            yield before + key, f"{value:.4g}"
        else:
            yield before + key, json.dumps(value)


def _grouped(left_out: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    """Pairs that were left out, by the reason."""
    grouped: dict[str, list[str]] = {}
    for pair, why in left_out:
        grouped.setdefault(why, []).append(pair)
    return grouped
