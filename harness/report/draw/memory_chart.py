"""Settings of a tuned variant: the capacity of each against the memory that it needed."""

from __future__ import annotations

from harness.analyse.tune import tune_words
from harness.analyse.tune.outcome import TunedVariant
from harness.report.draw import point_chart, scales
from harness.report.draw.colours import Look
from harness.report.draw.drawing import Frame
from harness.report.draw.figures import Chart
from harness.report.draw.line_chart import Entry
from harness.report.draw.point_chart import PlottedPoint
from harness.report.page.subjects import ShownVariant
from harness.search.candidates import Candidate
from harness.setup import knobs
from harness.stored.tunings import TODAY

_OTHER = Look(slot=None, mark=0)
_TODAY, _CHOSEN = Look(slot=0, mark=0), Look(slot=1, mark=1)


def memory(found: TunedVariant) -> Chart | None:
    """None where fewer than two settings have both a capacity and a memory."""
    known = [each for each in found.candidates if each.capacity and each.memory_bytes]
    if len(known) < 2:
        return None
    frame = Frame(
        x=scales.log((each.memory_bytes or 0) / 2**20 for each in known),
        y=scales.linear(each.capacity or 0.0 for each in known),
        x_label="memory, MiB",
        y_label=f"capacity at {found.tuning.slo}, 1/s",
    )
    dots = [_dot(number, each, found) for number, each in enumerate(known, 1)]
    front = sorted(map(_pair, found.front))
    title = "Capacity against memory"
    said = "; ".join(f"{dot.subject.name} {dot.entry.where}, {dot.entry.said}" for dot in dots)
    picture = point_chart.draw(
        frame, dots, {"front": front} if front else {}, f"{title}. {said}", upwards=True
    )
    caption = (
        "Each mark is a setting; further left and higher is better. The blue mark is today's, "
        "the orange square the one to keep, if different. The dashed steps are the Pareto front: "
        "no other setting has both more capacity and less memory."
    )
    return Chart(title=title, caption=caption, svg=picture)


def _dot(number: int, each: Candidate, found: TunedVariant) -> PlottedPoint:
    look = _CHOSEN if each is found.chosen else _TODAY if each.number == TODAY else _OTHER
    subject = ShownVariant(
        name=knobs.said(each.setting), key=number, group=found.variant, look=look, shown=True
    )
    where, capacity = (
        tune_words.mib(each.memory_bytes),
        f"{tune_words.rate(each.capacity or 0.0)}/s",
    )
    leads = each in found.front or each is found.chosen
    x, y = _pair(each)
    return PlottedPoint(subject, Entry(x=x, y=y, where=where, said=capacity), leads)


def _pair(each: Candidate) -> tuple[float, float]:
    return (each.memory_bytes or 0) / 2**20, each.capacity or 0.0
