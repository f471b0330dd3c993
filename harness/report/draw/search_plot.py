"""The path of a search: what each probe saw, over the rate that it fired."""

from __future__ import annotations

from markupsafe import Markup

from harness.analyse.run import capacity_words
from harness.analyse.run.capacity import Found
from harness.report.draw import drawing, panels, scales
from harness.report.draw.colours import Look
from harness.report.draw.drawing import Frame, Spot

# A circle, a square and a cross.
_SHAPES = {
    "holds": "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
    "undecided": "m-3-3h6v6h-6z",
    "broken": "m-3-3l6 6m0-6l-6 6",
}


def draw(name: str, found: Found, look: Look) -> Markup | None:
    """The panel of a search: response time over rate, the SLO's limit, and the answer.

    None where no probe has answers enough.
    """
    limit = found.slo.limit_ns / 1e6
    seen = [(s, s.percentile_ms) for s in found.steps if s.percentile_ms is not None]
    if not seen:
        return None
    estimate = found.estimate
    rates = [step.rate_per_s for step, _ in seen]
    frame = panels.frame(
        scales.linear([*rates, estimate.high or 0.0], 5), scales.log([limit, *(t for _, t in seen)])
    )
    parts = [_interval(frame, estimate.low, estimate.high), frame.grid()]
    _, at = frame.spot(0.0, limit)
    left, right = drawing.number(frame.left), drawing.number(frame.right)
    parts.append(panels.line("limit", f"M{left} {drawing.number(at)}H{right}"))
    if estimate.rate_per_s:
        parts.append(panels.line("answer", _upright(frame, estimate.rate_per_s)))
    marks: dict[str, list[str]] = {}
    for step, time in seen:
        kind = f"{step.ruling}{' disturbed' if step.disturbed else ''}"
        spot = frame.spot(step.rate_per_s, time)
        marks.setdefault(kind, []).append(_mark(spot, _SHAPES[step.ruling]))
    parts += [panels.line(f"probe {kind}", "".join(shapes)) for kind, shapes in marks.items()]
    said = f"{name}: {capacity_words.sentence(found)}"
    return panels.draw(look, said, [Markup('<g class="backdrop">'), *parts, Markup("</g>")])


def _interval(frame: Frame, low: float | None, high: float | None) -> Markup:
    if low is None or high is None:
        return Markup("")
    top, bottom = drawing.number(frame.top), drawing.number(frame.bottom)
    sides = [drawing.number(frame.spot(at, frame.y.low)[0]) for at in (low, high)]
    top, bottom = drawing.number(frame.top), drawing.number(frame.bottom)
    return panels.line("band", f"M{sides[0]} {top}H{sides[1]}V{bottom}H{sides[0]}z")


def _upright(frame: Frame, x: float) -> str:
    at, _ = frame.spot(x, frame.y.low)
    return f"M{drawing.number(at)} {drawing.number(frame.top)}V{drawing.number(frame.bottom)}"


def _mark(spot: Spot, shape: str) -> str:
    return f"M{drawing.number(spot[0])} {drawing.number(spot[1])}{shape}"
