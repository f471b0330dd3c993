"""The parts of a request's time, and the batches that were formed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.analyse.field.comparison import Comparison, Row
from harness.analyse.run import breakdown as parting
from harness.analyse.run import function_time
from harness.analyse.run.breakdown import Batches, Breakdown
from harness.report.draw import batch_plot, curves, stack_plot
from harness.report.page import view
from harness.report.page.sections import Values, section
from harness.report.page.view import Report
from harness.stored.records import NOOP

_SHARE_SHOWN = 0.01
_FUNCTION = {
    "generator_ms": "generator",
    "way_ms": "to the front and back",
    "init_ms": "init",
    "front_ms": "front",
    "runtime_ms": "runtime",
    "handler_ms": "handler",
    "model_ms": "model",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownLine:
    """One variant's parts as text."""

    variant: str
    parts: tuple[str, ...]
    total: str
    noop: str  # the framework's parts where the model takes no time
    own: str  # what the server itself counted


@section("Where the time goes", order=31, short="Time")
def breakdown(report: Report) -> Values | None:
    noop = next((c for c in report.comparisons if c.benchmark == NOOP), None)
    benchmarks = [found for c in report.comparisons if (found := _benchmark(c, noop)) is not None]
    if not benchmarks:
        return None
    return {
        "titles": list(stack_plot.TITLES.values()),
        "function_titles": list(_FUNCTION.values()),
        "benchmarks": benchmarks,
    }


def _benchmark(comparison: Comparison, noop: Comparison | None) -> dict[str, Any] | None:
    rows = [row for row in comparison.rows if row.measured and not row.invalid]
    split = [(row, found) for row in rows if (found := _of(row)) is not None]
    if not split:
        return None
    framework = {} if noop is None or noop is comparison else _framework(noop)
    lines = [_line(row, found, framework.get(row.variant)) for row, found in split]
    known = {row.variant for row, _ in split}
    batches = list(_batches(rows))
    return {
        "name": comparison.benchmark,
        "svg": _drawn([(row.variant, found) for row, found in split]),
        "lines": lines,
        "noop": bool(framework),
        "own": any(line.own for line in lines),
        "unsplit": [row.variant for row in rows if row.variant not in known],
        "functions": list(_functions(rows)),
        "batches": [_batch_line(*each) for each in batches],
        "batches_svg": _batches_drawn(batches) if batches else None,
    }


def _of(row: Row) -> Breakdown | None:
    return parting.mean(d.breakdown for d in curves.counted(row) if d.breakdown is not None)


def _framework(noop: Comparison) -> dict[str, str]:
    """Milliseconds that each framework takes before and after a model that takes none."""
    found = {row.variant: _of(row) for row in noop.rows if row.measured and not row.invalid}
    return {n: view.number(f.before_ms + f.after_ms) for n, f in found.items() if f is not None}


def _line(row: Row, found: Breakdown, noop: str | None) -> BreakdownLine:
    return BreakdownLine(
        variant=row.variant,
        parts=tuple(view.number(value) for value in found.parts().values()),
        total=view.number(found.response_ms),
        noop=noop or view.NONE,
        own=_own(row),
    )


def _own(row: Row) -> str:
    """Waiting and model by the server's own counters, in the first round that has them."""
    for digest in curves.counted(row):
        window = next((w for w in digest.facts.profiles if w.profile.is_open), None)
        own = window.own if window is not None else None
        if own is not None and own.queue_s is not None and own.model_s is not None:
            each = (1e3 * total / own.requests for total in (own.queue_s, own.model_s))
            return " / ".join(map(view.number, each))
    return ""


def _functions(rows: Sequence[Row]) -> Iterable[tuple[str, list[str], str]]:
    """(variant, its parts, their sum) of functions."""
    for row in rows:
        times = (d.function_time for d in curves.counted(row) if d.function_time is not None)
        found = function_time.mean(times)
        if found is not None:
            parts = found.parts()
            shown = [view.number(parts[name]) for name in _FUNCTION]
            yield row.variant, shown, view.number(found.response_ms)


def _drawn(bars: Sequence[tuple[str, Breakdown]]) -> Markup:
    said = "; ".join(f"{name} {view.number(found.response_ms)}" for name, found in bars)
    alternative = f"Mean response time in ms, by its parts: {said}. The table below has each part."
    return stack_plot.draw(bars, alternative)


def _batches(rows: Sequence[Row]) -> Iterable[tuple[str, Batches]]:
    """(variant, batches) of each window in which some call had more than one instance."""
    for row in rows:
        profiles = dict.fromkeys(b.profile for d in curves.counted(row) for b in d.batches)
        for profile in profiles:
            made = (b for d in curves.counted(row) for b in d.batches if b.profile == profile)
            found = parting.pooled(made)
            if found is not None and found.calls[-1][0] > 1:
                yield row.variant, found


def _batch_line(variant: str, found: Batches) -> dict[str, str]:
    return {
        "variant": variant,
        "profile": found.profile,
        "mean": view.number(found.mean),
        "largest": str(found.calls[-1][0]),
        "shares": _shares(found),
    }


def _batches_drawn(batches: Sequence[tuple[str, Batches]]) -> Markup:
    bars = [(f"{variant}, {found.profile}", found) for variant, found in batches]

    said = "; ".join(f"{name} {view.number(found.mean)}" for name, found in bars)
    alternative = f"Mean instances in a call to the model: {said}. The table below has the shares."
    return batch_plot.draw(bars, alternative)


def _shares(found: Batches) -> str:
    total = sum(count for _, count in found.calls)
    shown = [(size, count / total) for size, count in found.calls]
    shown = [(size, share) for size, share in shown if share >= _SHARE_SHOWN]
    return ", ".join(f"{size}: {100 * share:.0f}%" for size, share in shown)
