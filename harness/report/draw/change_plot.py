"""What was done to a Deployment under load, drawn over time: rate, pods, response time, CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from markupsafe import Markup

from harness.analyse.run.changed import Changed
from harness.report.draw import scales, strips
from harness.report.draw.colours import Look
from harness.report.draw.scales import Scale
from harness.report.draw.strips import Course, Stretch, Strip
from harness.report.page import view
from harness.stored.pods import Happening, PodMoment

NUMBERED = 12  # happenings that have a number in the picture


def draw(name: str, found: Changed, look: Look) -> Markup:
    """The picture of a change, for a variant of that name."""
    end_s = float(found.series.edges_s[-1])
    made = [_rate(found), _pods(found.change.moments, end_s), _tail(found), _cpu(found)]
    x = scales.linear([end_s], 8)
    stretches = [
        Stretch(name=each.name, from_s=each.from_s, to_s=min(each.to_s, end_s))
        for each in found.phases
        if each.from_s < end_s
    ]
    return strips.draw(
        [strip for strip in made if strip is not None],
        replace(x, high=end_s, ticks=tuple(tick for tick in x.ticks if tick[0] <= end_s)),
        stretches,
        [each.at_ns / 1e9 for each in numbered(found, end_s)],
        look,
        f"{name}: {said(found)}",
    )


def numbered(found: Changed, end_s: float | None = None) -> tuple[Happening, ...]:
    """The happenings that are drawn, in the order of their numbers."""
    end_s = float(found.series.edges_s[-1]) if end_s is None else end_s
    inside = [each for each in found.change.happenings if 0 <= each.at_ns / 1e9 <= end_s]
    return tuple(sorted(inside, key=lambda each: each.at_ns)[:NUMBERED])


def said(found: Changed) -> str:
    """The picture in words."""
    series, moments = found.series, found.change.moments
    parts = [f"offered from {_range(series.offered_per_s, '/s')}"]
    if moments:
        parts.append(f"pods ready from {_range([m.ready for m in moments])}")
    finite = series.tail_ms[np.isfinite(series.tail_ms)]
    if len(finite):
        parts.append(f"{_share(found)} from {_range(finite, ' ms')}")
    if len(series.cpu):
        unit = "% of what pods request" if series.cpu_is_percent else " CPUs busy"
        parts.append(f"CPU from {_range(series.cpu, unit)}")
    parts.append(view.plural(int(series.failed.sum()), "request") + " failed")
    return "; ".join(parts)


def _range(values: Any, unit: str = "") -> str:
    low, high = (view.number(float(end)) for end in (min(values), max(values)))
    return f"{low} to {high}{unit}"


def _share(found: Changed) -> str:
    return f"p{100 * found.slo.share:g}"


def _rate(found: Changed) -> Strip:
    series = found.series
    middles = (series.edges_s[:-1] + series.edges_s[1:]) / 2
    failed = tuple(float(at) for at in middles[series.failed > 0])
    crosses = ", × failed" if failed else ""
    return Strip(
        title=f"requests/s: due (line), in time (area){crosses}",
        y=scales.linear(map(float, series.offered_per_s), 4),
        courses=(
            Course(kind="area", pairs=strips.steps(series.edges_s, series.in_time_per_s)),
            Course(kind="main", pairs=strips.steps(series.edges_s, series.offered_per_s)),
        ),
        crosses=failed,
    )


def _pods(moments: Sequence[PodMoment], end_s: float) -> Strip | None:
    moments = [moment for moment in moments if moment.at_ns / 1e9 < end_s]
    if not moments:
        return None
    edges = [0.0, *(moment.at_ns / 1e9 for moment in moments[1:]), end_s]
    wanted = [np.nan if m.wanted is None else float(m.wanted) for m in moments]
    ready, present = ([float(getattr(m, name)) for m in moments] for name in ("ready", "present"))
    y = scales.linear([*ready, *present, *(each for each in wanted if each == each)], 4)
    lines = [("fine", present), ("main", ready), ("dashed", wanted)]
    return Strip(
        title="pods: wanted (dashed), ready (thick), there (thin)",
        y=_whole(y),
        courses=tuple(Course(kind=kind, pairs=strips.steps(edges, v)) for kind, v in lines),
    )


def _whole(y: Scale) -> Scale:
    """The axis of a count."""
    return replace(y, ticks=tuple(tick for tick in y.ticks if tick[0] == round(tick[0])))


def _tail(found: Changed) -> Strip | None:
    series, limit = found.series, found.slo.limit_ns / 1e6
    if not np.isfinite(series.tail_ms).any():
        return None
    pairs = tuple(zip(map(float, series.tail_at_s), map(float, series.tail_ms), strict=True))
    return Strip(
        title=f"{_share(found)} of the response time, ms; limit {limit:g} (dashed)",
        y=scales.log([limit, *(value for _, value in pairs)], 4),
        courses=(Course(kind="main", pairs=pairs),),
        limit=limit,
        crosses=tuple(at for at, value in pairs if not np.isfinite(value)),
    )


def _cpu(found: Changed) -> Strip | None:
    series = found.series
    if not len(series.cpu):
        return None
    pairs = tuple(zip(map(float, series.cpu_at_s), map(float, series.cpu), strict=True))
    title = "CPUs that its pods keep busy"
    if series.cpu_is_percent:
        title = "CPU of its pods, % of what they request (autoscaler)"
    return Strip(
        title=title,
        y=scales.linear([value for _, value in pairs], 4),
        courses=(Course(kind="main", pairs=pairs),),
    )
