"""Functions along the axes of a sweep: their memory, and the gap between two requests; what the
section *Growth* does not say of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analyse.cost import billing
from harness.analyse.cost.prices import Serverless
from harness.analyse.field.comparison import Row, counted
from harness.analyse.field.function_points import GAP, MEMORY, platform_of
from harness.report.draw import axis_chart, scales
from harness.report.draw.axis_chart import AlongAxis, AxisWords
from harness.report.draw.colours import Look
from harness.report.draw.figures import LiveChart
from harness.report.page import view
from harness.report.page.subjects import ShownVariant
from harness.report.page.view import Report
from harness.stored.identity import subject_name

_PRICE = AxisWords(
    title="Cost by memory size",
    caption="A million requests whose instances are there, as they were billed. Lower is better.",
    x_label="memory, MB",
    y_label="US dollars per million requests",
    unit=" MB",
    wide=True,
)
_COLD = AxisWords(
    title="Share of cold requests by the gap between two",
    caption="Constant arrivals, one each gap.",
    x_label="gap, ms",
    y_label="cold requests, %",
    unit=" ms",
    wide=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeLine:
    """A memory size of a variant, as text; `failed` says why it has no numbers."""

    variant: str
    size: int
    duration: str
    gib_s: str  # billed of a million requests
    usd: str
    range: str
    peak: str
    best: str  # cheapest, fastest
    failed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """The same as numbers."""

    size: int
    row: Row
    duration_ms: float | None
    gib_s: float | None
    usd: billing.FunctionBill | None
    peak_gib: float | None


Swept = dict[str, list[tuple[int, Row]]]  # by variant, by ascending value


def of_report(report: Report, looks: dict[str, Look]) -> list[dict[str, Any]]:
    """The values of the template, for each benchmark that was swept along one of these axes."""
    groups: dict[tuple[str, str], Swept] = {}
    for row in (row for comparison in report.comparisons for row in comparison.rows):
        point = row.cell.point
        if point is not None and point.axis in (MEMORY, GAP) and row.server.function is not None:
            found = groups.setdefault((row.cell.benchmark, point.axis), {})
            found.setdefault(subject_name(row.cell.subject), []).append((point.value, row))
    made = []
    for (benchmark, axis), swept in groups.items():
        for points in swept.values():
            points.sort(key=lambda pair: pair[0])
        values = _memory(report, swept, looks) if axis == MEMORY else _gap(swept, looks)
        made.append({"benchmark": benchmark, "axis": axis, **values})
    return made


def _memory(report: Report, swept: Swept, looks: dict[str, Look]) -> dict[str, Any]:
    priced = platform_of(report.prices)
    cpus = len(report.campaign.server_cpus)
    known = {
        name: [_size(size, row, priced, cpus) for size, row in points]
        for name, points in swept.items()
    }
    subjects = _subjects(swept, looks)
    return {
        "service": f"{priced.provider} {priced.service}" if priced is not None else "",
        "sentences": [_best(name, sizes) for name, sizes in known.items()],
        "lines": [line for name, sizes in known.items() for line in _lines(name, sizes)],
        "charts": _charts(known, subjects),
    }


def _size(size: int, row: Row, priced: Serverless | None, cpus: int) -> _Size:
    uses = [d.invoked.steady for d in counted(row.digests) if d.invoked and d.invoked.steady]
    answered = [each for each in uses if len(each.busy_s)]
    bills = billing.functions(row, (priced,), cpus) if priced is not None else []
    peaks = [each.peak_gib for each in uses if each.peak_gib is not None]
    ok = bool(answered) and not row.invalid
    busy, billed = (
        (np.concatenate([getattr(each, name) for each in answered]) if ok else None)
        for name in ("busy_s", "billed_s")
    )
    return _Size(
        size=size,
        row=row,
        duration_ms=None if busy is None else 1e3 * float(np.median(busy)),
        gib_s=None if billed is None else 1e6 * float(billed.mean()) * size / 1024,
        usd=bills[0] if bills else None,
        peak_gib=max(peaks) if peaks else None,
    )


def _best(name: str, sizes: Sequence[_Size]) -> str:
    """The cheapest and the fastest size, and those that the model does not fit into."""
    fast = [(each.duration_ms, each.size) for each in sizes if each.duration_ms is not None]
    cheap = [(each.usd.usd.median, each.size) for each in sizes if each.usd is not None]
    parts = []
    if cheap:
        usd, size = min(cheap)
        parts.append(f"{size} MB is cheapest ({view.usd(usd)} a million)")
    if fast:
        taken, size = min(fast)
        parts.append(f"{size} MB is fastest ({view.number(taken)} ms)")
    failed = [f"{each.size} MB" for each in sizes if each.duration_ms is None]
    if failed:
        parts.append(f"{view.listed(failed)} {'has' if len(failed) == 1 else 'have'} no number")
    return f"{name}: {'; '.join(parts)}."


def _lines(name: str, sizes: Sequence[_Size]) -> Iterable[SizeLine]:
    fast = min((s.duration_ms for s in sizes if s.duration_ms is not None), default=None)
    cheap = min((s.usd.usd.median for s in sizes if s.usd is not None), default=None)
    for each in sizes:
        best = [
            *(["cheapest"] if each.usd is not None and each.usd.usd.median == cheap else []),
            *(["fastest"] if each.duration_ms is not None and each.duration_ms == fast else []),
        ]
        spread = each.usd.usd if each.usd is not None else None
        low, high = (view.usd(spread.low), view.usd(spread.high)) if spread else ("", "")
        yield SizeLine(
            variant=name,
            size=each.size,
            duration=view.number(each.duration_ms),
            gib_s=view.number(each.gib_s),
            usd=view.usd(spread.median) if spread is not None else view.NONE,
            range="" if low == high else f"{low}–{high[1:]}",
            peak=view.number(None if each.peak_gib is None else 1024 * each.peak_gib, 0),
            best=" and ".join(best),
            failed=_failed(each),
        )


def _failed(found: _Size) -> str:
    if found.duration_ms is not None:
        return ""
    told = [lost for d in found.row.digests if d.invoked for lost in d.invoked.lost]
    if told:
        return f"{told[-1].fate}: {told[-1].said}"
    return view.reason(found.row)


def _charts(known: dict[str, list[_Size]], subjects: dict[str, ShownVariant]) -> list[LiveChart]:
    lines = []
    for name, sizes in known.items():
        paid = [(each.size, each.usd.usd.median) for each in sizes if each.usd is not None]
        said = tuple((size, usd, view.usd(usd)) for size, usd in paid)
        lines.append(AlongAxis(subject=subjects[name], points=said))
    costs = [number for each in lines for _, number, _ in each.points]
    chart = axis_chart.draw(_PRICE, lines, scales.linear(costs))
    return [chart] if chart is not None else []


def _gap(swept: Swept, looks: dict[str, Look]) -> dict[str, Any]:
    subjects, lines, limits = _subjects(swept, looks), [], []
    for name, points in swept.items():
        told = []
        for value, row in points:
            runs = [d.invoked for d in counted(row.digests) if d.invoked and d.invoked.steady]
            uses = [each.steady for each in runs if each.steady is not None]
            total = sum(use.requests for use in uses)
            limits += [f"{view.number(each.idle_s)} s" for each in runs]
            if total and not row.invalid:
                share = 100 * sum(use.cold for use in uses) / total
                told.append((value, share, f"{view.number(share, 1)}% of {total}"))
        lines.append(AlongAxis(subject=subjects[name], points=tuple(told)))
    chart = axis_chart.draw(_COLD, lines, scales.linear([100.0]))
    return {"limits": list(dict.fromkeys(limits)), "charts": [chart] if chart is not None else []}


def _subjects(swept: Swept, looks: dict[str, Look]) -> dict[str, ShownVariant]:
    return {
        name: ShownVariant(
            name=name,
            key=key,
            group=points[0][1].server.track,
            look=looks[points[0][1].variant],
            shown=True,
        )
        for key, (name, points) in enumerate(swept.items(), 1)
    }
