"""What changes of Deployments did, as the section *Cluster* shows it: a block for each change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.analyse.field import scaling_words
from harness.analyse.field.comparison import COLUMNS
from harness.analyse.field.scaling import ScaledVariant, ShownChange
from harness.analyse.run.changed import Changed
from harness.analyse.run.phase_seen import PhaseSeen
from harness.report.draw import change_plot
from harness.report.draw.colours import Look
from harness.report.page import view
from harness.setup.changes import (
    AUTOSCALING,
    CHANGES,
    NODE_DRAINED,
    NOT_LIVE,
    POD_KILLED,
    ROLLING_UPDATE,
    TRAIN_AND_SERVE,
    ChangeName,
)

METRICS: dict[ChangeName, tuple[str, ...]] = {
    AUTOSCALING: ("scale_up", "scale_late", "scale_failed", "pod_seconds", "scale_down"),
    ROLLING_UPDATE: ("update_lost", "update_gap", "update_tail"),
    POD_KILLED: ("kill_lost", "kill_held"),
    NODE_DRAINED: ("drain_lost", "drain_held"),
    NOT_LIVE: ("freeze_lost", "freeze_held"),
    TRAIN_AND_SERVE: ("retrain_lost", "retrain_old"),
}
_MEANS: dict[ChangeName, str] = {
    AUTOSCALING: "The rate goes up and down in steps, and a HorizontalPodAutoscaler says how many "
    "pods there are.",
    ROLLING_UPDATE: "All pods are replaced while requests come, without a moment with fewer ready.",
    POD_KILLED: "A pod is deleted without grace while requests come.",
    NODE_DRAINED: "The node is cordoned, and its pods are evicted while requests come.",
    NOT_LIVE: "All processes of a pod are stopped (SIGSTOP), until the cluster sees that it does "
    "not live and starts it again.",
    TRAIN_AND_SERVE: "A Job trains, and the Deployment serves what it made; a CronJob does it "
    "again. Requests come all the time.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """A variant's numbers: (number, range over the rounds), and the rounds."""

    variant: str
    rounds: int
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseLine:
    """A phase, as text."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFigure:
    """A change of a variant over time."""

    variant: str
    svg: Markup
    happenings: tuple[tuple[str, str], ...]  # (seconds, what); numbered from 1
    more: int  # happenings that are not told
    phases: tuple[PhaseLine, ...]
    tail: str  # such as p99
    scaled: bool  # whether CPU as the autoscaler saw it is known


def of_variants(found: Sequence[ScaledVariant], looks: dict[str, Look]) -> list[dict[str, Any]]:
    """The values of the template, in the order in which changes are made."""
    known = [change for each in found for change in each.changes]
    made = ((name, [change for change in known if change.name == name]) for name in CHANGES)
    return [_block(name, changes, looks) for name, changes in made if changes]


def _block(
    name: ChangeName, changes: Sequence[ShownChange], looks: dict[str, Look]
) -> dict[str, Any]:
    return {
        "name": name,
        "title": scaling_words.TITLES[name],
        "means": _MEANS[name],
        "sentences": [(each.variant, list(scaling_words.of_change(each))) for each in changes],
        "columns": [COLUMNS[column] for column in METRICS[name]],
        "lines": [_line(each) for each in changes if each.rounds],
        "figures": [
            _figure(each.variant, each.first, looks[each.row.variant])
            for each in changes
            if each.first is not None
        ],
    }


def _line(change: ShownChange) -> ChangeLine:
    cells = []
    for column in METRICS[change.name]:
        spread, metric = change.row.spreads[column], COLUMNS[column]
        text = view.NONE if spread is None else view.number(spread.median, metric.digits)
        cells.append((text, view.interval(spread, metric)))
    return ChangeLine(variant=change.variant, rounds=len(change.rounds), cells=tuple(cells))


def _figure(variant: str, found: Changed, look: Look) -> ChangeFigure:
    numbered = change_plot.numbered(found)
    title = f"{variant}, {scaling_words.TITLES[found.name].lower()}"
    return ChangeFigure(
        variant=variant,
        svg=change_plot.draw(title, found, look),
        happenings=tuple((view.number(h.at_ns / 1e9, 1), h.said) for h in numbered),
        more=len(found.change.happenings) - len(numbered),
        phases=tuple(map(_phase, found.phases)),
        tail=f"p{100 * found.slo.share:g}",
        scaled=any(each.cpu_percent is not None for each in found.phases),
    )


def _phase(found: PhaseSeen) -> PhaseLine:
    return PhaseLine(
        name=found.name,
        cells=(
            f"{view.number(found.from_s, 1)}–{view.number(found.to_s, 1)}",
            view.number(found.rate_per_s, 1),
            f"{found.requests:,}",
            f"{found.late:,}",
            f"{found.failed:,}",
            view.number(found.p50_ms),
            view.number(found.tail_ms),
            _span(found.ready),
            _span(found.cpu_percent),
        ),
    )


def _span(found: tuple[int, int] | None) -> str:
    if found is None:
        return view.NONE
    low, high = found
    return str(low) if low == high else f"{low}–{high}"
