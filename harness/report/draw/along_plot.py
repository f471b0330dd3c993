"""Latency along a window, in a panel for each variant, with what was found about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from harness.analyse.field.comparison import Row
from harness.report.draw import curves, drawing, panels, scales
from harness.report.draw.curves import Along, Odd
from harness.report.draw.drawing import Frame
from harness.report.draw.panels import Badge, Panel
from harness.report.page import view
from harness.report.page.subjects import ShownVariant, Subjects


def draw(
    name: str, rows: Sequence[Row], profile: str, subjects: Subjects
) -> tuple[Markup, list[Panel]]:
    """(what the panels share, a panel for each row with such a window); `name` is for references
    within the page."""
    known = {row.variant: found for row in rows if (found := curves.along(row, profile))}
    highest = {variant: _highest(found) for variant, found in known.items()}
    references = [row.variant for row in rows if row.server.reference]
    seen = curves.in_sight(highest, references)
    known = {variant: found for variant, found in known.items() if variant in seen}
    if not any(value > 0 for value in highest.values()):
        return Markup(""), []
    frame = _frame(known.values())
    made = [_panel(frame, name, subjects[variant], found) for variant, found in known.items()]
    return panels.backdrop(name, _band(frame, known.values()), frame.grid()), made


def _highest(found: Along) -> float:
    values = [*found.p95_ms, *(time for odd in found.odd for time in odd.median_ms)]
    return max((float(value) for value in values if np.isfinite(value)), default=0.0)


def _frame(found: Iterable[Along]) -> Frame:
    known = list(found)
    times = [
        time
        for each in known
        for line in (each.median_ms, each.p95_ms, *(odd.median_ms for odd in each.odd))
        for time in map(float, line)
    ]
    end = max(float(each.at_s[-1] + each.at_s[0]) for each in known)
    return panels.frame(scales.linear([end], 5), scales.log(times, 4))


def _band(frame: Frame, found: Iterable[Along]) -> Markup:
    """The span of all medians."""
    known = list(found)
    low, high = curves.extremes(np.array([each.median_ms for each in known]))
    x = known[0].at_s
    return panels.line("band", drawing.band(_spots(frame, x, high), _spots(frame, x, low)))


def _panel(frame: Frame, name: str, subject: ShownVariant, found: Along) -> Panel:
    parts = [
        panels.behind(name),
        panels.line("high", drawing.path(_spots(frame, found.at_s, found.p95_ms))),
        panels.line("middle", drawing.path(_spots(frame, found.at_s, found.median_ms))),
    ]
    for place, odd in enumerate(found.odd):
        parts.append(panels.line("odd", drawing.path(_spots(frame, found.at_s, odd.median_ms))))
        parts.append(_number(frame, found, odd, place))
    badges = [_badge(odd) for odd in found.odd]
    said = "; ".join([_spoken(subject.name, found), *(badge.title for badge in badges)])
    return Panel(subject, panels.draw(subject.look, said, parts), tuple(badges))


def _spots(frame: Frame, x: Any, y: Any) -> list[drawing.Spot]:
    nowhere = float("nan")
    return [
        frame.spot(at, time) if np.isfinite(time) and time > 0 else (nowhere, nowhere)
        for at, time in zip(map(float, x), map(float, y), strict=True)
    ]


def _number(frame: Frame, found: Along, odd: Odd, place: int) -> Markup:
    """The round's number on its line, at another place for each."""
    known = np.flatnonzero(np.isfinite(odd.median_ms) & (odd.median_ms > 0))
    if not len(known):
        return Markup("")
    chosen = int(known[min(1 + 4 * place, len(known) - 1)])
    x, y = frame.spot(float(found.at_s[chosen]), float(odd.median_ms[chosen]))
    text = Markup('<text x="{}" y="{}">{}</text>')
    return text.format(drawing.number(x), drawing.number(max(y - 4, 9)), odd.number)


def _badge(odd: Odd) -> Badge:
    names = view.listed(dict.fromkeys(finding.name for finding in odd.findings))
    messages = "; ".join(finding.message for finding in odd.findings)
    kind = "invalid" if odd.invalid else "warning"
    text = f"round {odd.number}{' INVALID' if odd.invalid else ''}: {names}"
    return Badge(kind, text, f"round {odd.number}: {messages}")


def _spoken(name: str, found: Along) -> str:
    known = found.median_ms[np.isfinite(found.median_ms)]
    if not len(known):
        return f"{name}: no round counts"
    low, high = view.number(float(known.min())), view.number(float(known.max()))
    p95 = view.number(
        _highest(Along(at_s=found.at_s, median_ms=found.median_ms, p95_ms=found.p95_ms, odd=()))
    )
    return f"{name}: median from {low} to {high} ms, p95 up to {p95} ms"
