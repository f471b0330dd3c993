"""The results of a tune: the setting to keep, every measured setting, the worth of each knob."""

from __future__ import annotations

from typing import Any

from harness.analyse.run import digest
from harness.analyse.tune import tune_words
from harness.analyse.tune.outcome import TunedVariant
from harness.report.draw import memory_chart
from harness.report.page import view
from harness.report.page.sections import Values, section
from harness.report.page.view import Report
from harness.search.candidates import Candidate
from harness.setup import knobs
from harness.stored.tunings import TODAY


@section("Tuning", order=11)
def tuning(report: Report) -> Values | None:
    every = digest.tuned(report.digested)
    if not every:
        return None
    asked = every[0].tuning
    return {
        "slo": asked.slo,
        "benchmark": asked.benchmark,
        "memory": None if asked.memory_bytes is None else tune_words.mib(asked.memory_bytes),
        "budget": view.number(asked.budget_s / 60, 1),
        "variants": [_variant(found) for found in every],
    }


def _variant(found: TunedVariant) -> dict[str, Any]:
    return {
        "name": found.variant,
        "answer": list(tune_words.answer(found)),
        "confirmed": _confirmed(found),
        "knobs": list(found.tuning.knobs[found.variant]),
        "candidates": [_candidate(candidate, found) for candidate in tune_words.ordered(found)],
        "worth": [tune_words.worth(worth) for worth in found.worth],
        "front": [_front(candidate) for candidate in found.front],
        "chart": memory_chart.memory(found),
    }


def _confirmed(found: TunedVariant) -> list[tuple[str, str, str, int]]:
    """(which, its setting, capacity with its interval, starts) of those that were measured anew."""
    rows = []
    for which, candidate in (("today's", found.today), ("the best other", found.best)):
        interval = found.confirmed.capacity.get(candidate.number) if candidate else None
        if candidate is not None and interval is not None:
            starts = found.confirmed.starts[candidate.number]
            rows.append((which, knobs.said(candidate.setting), tune_words.per_s(interval), starts))
    return rows


def _candidate(candidate: Candidate, found: TunedVariant) -> dict[str, Any]:
    return {
        "name": candidate.name,
        "values": list(candidate.setting.values()),
        "capacity": None if candidate.capacity is None else tune_words.rate(candidate.capacity),
        "memory": None
        if candidate.memory_bytes is None
        else tune_words.mib(candidate.memory_bytes),
        "runs": len(candidate.runs),
        "today": candidate.number == TODAY,
        "chosen": candidate is found.chosen,
        "front": candidate in found.front,
        "reason": tune_words.reason(candidate, found),
    }


def _front(candidate: Candidate) -> str:
    capacity = tune_words.rate(candidate.capacity or 0.0)
    setting = knobs.said(candidate.setting)
    return f"{tune_words.mib(candidate.memory_bytes)}: {capacity}/s with {setting}"
