"""Variants on a cluster as text and as data: what `scale` prints."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from harness.analyse.field import scaling_words
from harness.analyse.field.comparison import Row
from harness.analyse.field.scaling import PodPoint, ScaledVariant, ShownChange
from harness.analyse.field.scaling_words import number
from harness.analyse.run.changed import Changed
from harness.report.page import view
from harness.report.text import outcomes, tidy

_HEAD = ("replicas", "capacity /s", "95%", "efficiency", "balance")
_PHASE = ("phase", "from s", "rate /s", "requests", "late", "failed", "p50 ms", "tail ms", "ready")


def lines(found: Iterable[ScaledVariant]) -> Iterator[str]:
    """A table and sentences for each variant on a benchmark."""
    for each in found:
        yield f"{each.variant} on {each.benchmark}"
        if each.is_swept or any(point.capacity is not None for point in each.points):
            yield from _table(_HEAD, [_cells(point) for point in each.points])
        for point in each.points:
            if point.row.failures or point.row.invalid:
                many = view.plural(point.replicas, "replica")
                yield f"{many}: {tidy.line(view.reason(point.row))}"
        yield from map(tidy.line, scaling_words.of_points(each))
        for change in each.changes:
            yield ""
            yield f"{scaling_words.TITLES[change.name]}"
            if change.first is not None:
                yield from _table(_PHASE, _phases(change.first))
            yield from map(tidy.line, scaling_words.of_change(change))
        if said := scaling_words.notes(each):
            yield ""
            yield from (f"note: {tidy.line(note)}" for note in said)
        yield ""


def summary(found: Iterable[ScaledVariant]) -> list[dict[str, Any]]:
    """The same for programs: null where nothing is known."""
    return [
        {
            "variant": each.variant,
            "benchmark": each.benchmark,
            "points": [_point(point) for point in each.points],
            "changes": [_change(change) for change in each.changes],
            "notes": scaling_words.notes(each),
        }
        for each in found
    ]


def _point(point: PodPoint) -> dict[str, Any]:
    capacity, efficiency, balance = point.capacity, point.efficiency, point.balance
    return {
        "replicas": point.replicas,
        "capacity_per_s": None
        if capacity is None
        else {
            "value": capacity.median,
            "low": _finite(capacity.low),
            "high": _finite(capacity.high),
        },
        "efficiency": None if efficiency is None else asdict(efficiency),
        "calls": None if balance is None else list(balance.calls),
        "jain": None if balance is None else balance.jain,
        "reason": outcomes.why_out(point.row),
    }


def _change(change: ShownChange) -> dict[str, Any]:
    return {
        "name": change.name,
        "requests": change.requests,
        "lost": change.lost,
        "rounds": [_round(each) for each in change.rounds],
        "failures": list(change.failures),
        "sentences": list(scaling_words.of_change(change)),
    }


def _round(found: Changed) -> dict[str, Any]:
    steps, beside = found.steps, found.beside
    return {
        "slo": str(found.slo),
        "requests": found.requests,
        "lost": found.lost,
        "errors": found.errors,
        "late": found.late,
        "longest_gap_s": found.gap_s,
        "longest_gap_before_s": found.gap_before_s,
        "held_after_s": found.held_s,
        "recovery_s": found.change.recovery_s,
        "percentile": None if beside is None else {**asdict(beside), "ratio": beside.ratio},
        "steps": None if steps is None else [asdict(up) for up in steps.ups],
        "scale_down_s": None if steps is None else steps.down_s,
        "pod_seconds": None if steps is None or steps.pods is None else asdict(steps.pods),
        "versions": [
            {
                "version": each.told.version,
                "by": each.told.by,
                "trained_s": each.told.trained_s,
                "job_s": each.ended_s,
                "first_answer_s": each.first_s,
                "served_s": each.served_s,
                "last_old_answer_s": each.last_old_s,
                "old_after_new": each.old_after_new,
                "accuracy": each.told.accuracy,
                "failure": each.told.failure or None,
            }
            for each in found.versions
        ],
        "phases": [asdict(each) for each in found.phases],
        "happenings": [
            {"at_s": each.at_ns / 1e9, "said": each.said} for each in found.change.happenings
        ],
        "metrics_from": found.change.metrics_from or None,
    }


def _cells(point: PodPoint) -> list[str]:
    balance = point.balance
    return [
        str(point.replicas),
        *_capacity(point),
        scaling_words.of_one(point),
        "–" if balance is None else f"{balance.jain:.3f}",
    ]


def _capacity(point: PodPoint) -> tuple[str, str]:
    """(the number, its interval)."""
    found, doubt = point.capacity, _doubt(point.row)
    if found is None:
        return f"–{doubt}", "–"
    if found.median <= 0:
        return f"not met{doubt}", "–"
    return f"{number(found.median, 4)}{doubt}", f"{number(found.low, 4)}–{number(found.high, 4)}"


def _doubt(row: Row) -> str:
    return " INVALID" if row.invalid else ""


def _phases(found: Changed) -> list[list[str]]:
    return [
        [
            each.name,
            number(each.from_s),
            number(each.rate_per_s),
            f"{each.requests:,}",
            f"{each.late:,}",
            f"{each.failed:,}",
            number(each.p50_ms),
            number(each.tail_ms),
            "–" if each.ready is None else _range(*each.ready),
        ]
        for each in found.phases
    ]


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    every = [head, *([tidy.line(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    for cells in every:
        yield "  ".join(c.rjust(w) for c, w in zip(cells, widths, strict=True)).rstrip()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
