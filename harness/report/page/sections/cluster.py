"""Clusters: capacity by replicas, and what changes of a Deployment under load do to callers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analyse.field import scaling, scaling_words
from harness.analyse.field.comparison import COLUMNS, Row
from harness.analyse.field.scaling import PodPoint, ScaledVariant
from harness.report.draw import colours, scaling_chart
from harness.report.draw.colours import Look
from harness.report.draw.figures import LiveChart
from harness.report.draw.scaling_chart import AtReplicas, ScalingWords
from harness.report.page import cluster_changes, cluster_room, ranking, subjects, view
from harness.report.page.sections import Values, section
from harness.report.page.subjects import ShownVariant
from harness.report.page.view import Report

# Those that no other table has.
OWN = ("pod_balance", *(name for names in cluster_changes.METRICS.values() for name in names))
_CAPACITY = COLUMNS["capacity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLine:
    """A number of replicas of a variant, as text."""

    variant: str
    replicas: int
    capacity: str
    range: str
    efficiency: str
    jain: str
    calls: str
    failed: str  # why it has no numbers


@section("Cluster", order=16)
def cluster(report: Report) -> Values | None:
    found = scaling.of_comparisons(report.comparisons)
    if not found:
        return None
    looks = colours.of_variants(report.comparisons)
    names = list(dict.fromkeys(each.benchmark for each in found))
    return {
        "benchmarks": [
            _benchmark(report, name, [each for each in found if each.benchmark == name], looks)
            for name in names
        ]
    }


def _benchmark(
    report: Report, name: str, found: Sequence[ScaledVariant], looks: dict[str, Look]
) -> dict[str, Any]:
    swept = [each for each in found if each.is_swept or _balanced(each)]
    words = {k: v for c in report.comparisons for k, v in ranking.bounded(c).items()}
    return {
        "name": name,
        "sentences": _sentences(found),
        "points": [_line(each, point, words) for each in swept for point in each.points],
        "charts": _charts(report, found, looks),
        "room": cluster_room.sentences(report, found),
        "changes": cluster_changes.of_variants(found, looks),
        "notes": _notes(found),
    }


def _sentences(found: Sequence[ScaledVariant]) -> list[tuple[str, list[str]]]:
    """(variant, what more replicas gave it)."""
    known = ((each.variant, list(scaling_words.of_points(each))) for each in found)
    return [(variant, said) for variant, said in known if said]


def _balanced(found: ScaledVariant) -> bool:
    return any(point.balance is not None for point in found.points)


def _notes(found: Sequence[ScaledVariant]) -> list[tuple[str, list[str]]]:
    """(a remark, the variants that it is of)."""
    grouped: dict[str, list[str]] = {}
    for each in found:
        for note in scaling_words.notes(each):
            grouped.setdefault(note, []).append(each.variant)
    return list(grouped.items())


def _line(found: ScaledVariant, point: PodPoint, words: dict[str, str]) -> PodLine:
    row, spread, balance = point.row, point.capacity, point.balance
    failed = view.reason(row) if row.invalid or not row.measured else ""
    capacity = words.get(row.variant) or view.number(
        spread.median if spread is not None else None, _CAPACITY.digits
    )
    known = row.variant not in words
    return PodLine(
        variant=found.variant,
        replicas=point.replicas,
        capacity=capacity,
        range=view.interval(spread, _CAPACITY) if known else "",
        efficiency=scaling_words.of_one(point),
        jain=view.NONE if balance is None else f"{balance.jain:.3f}",
        calls="" if balance is None else ", ".join(f"{calls:,}" for calls in balance.calls),
        failed=failed,
    )


def _charts(
    report: Report, found: Sequence[ScaledVariant], looks: dict[str, Look]
) -> list[LiveChart]:
    swept = [each for each in found if each.is_swept]
    shown = [(_subject(key, each, looks), each) for key, each in enumerate(swept, 1)]
    slo = next((c.facts.slo for c in report.comparisons if c.facts is not None), "the SLO")
    capacity = ScalingWords(
        title="Capacity by replicas",
        caption=f"The highest rate that meets {slo}, with its 95% interval. Higher is better.",
        y_label="capacity, requests per second",
    )
    efficiency = ScalingWords(
        title="Efficiency by replicas",
        caption="Capacity, as a share of that many times the capacity of one. At 100% each adds as "
        "much as the first.",
        y_label="efficiency, %",
        limit=(100.0, "as much again with each"),
    )
    made = (
        scaling_chart.draw(capacity, [(s, _capacities(each.points)) for s, each in shown]),
        scaling_chart.draw(efficiency, [(s, _efficiencies(each.points)) for s, each in shown]),
    )
    return [chart for chart in made if chart is not None]


def _subject(key: int, found: ScaledVariant, looks: dict[str, Look]) -> ShownVariant:
    row: Row = found.points[0].row
    return ShownVariant(
        name=found.variant,
        key=key,
        group=subjects.kind(row),
        look=looks[row.variant],
        shown=True,
    )


def _capacities(points: Iterable[PodPoint]) -> list[AtReplicas]:
    known = [(p, p.capacity) for p in points if p.capacity is not None and not p.row.invalid]
    return [
        AtReplicas(
            replicas=point.replicas,
            value=spread.median,
            low=spread.low,
            high=spread.high,
            said=f"{view.number(spread.median, 1)}/s" + _within(view.interval(spread, _CAPACITY)),
        )
        for point, spread in known
    ]


def _within(interval: str) -> str:
    return f" ({interval})" if interval else ""


def _efficiencies(points: Iterable[PodPoint]) -> list[AtReplicas]:
    made = []
    for point in points:
        found = point.efficiency
        if point.replicas == 1 and point.capacity is not None:
            made.append(AtReplicas(replicas=1, value=100.0, low=None, high=None, said="100%"))
        elif found is not None:
            low, high = (None if end is None else 100 * end for end in (found.low, found.high))
            made.append(
                AtReplicas(
                    replicas=point.replicas,
                    value=100 * found.value,
                    low=low,
                    high=high,
                    said=scaling_words.efficiency(found),
                )
            )
    return made
