"""Sentences about variants on a cluster: what a report and the command `scale` both say."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.analyse.field.scaling import Efficiency, PodPoint, ScaledVariant, ShownChange
from harness.analyse.run import changed_words
from harness.analyse.run.autoscaled import Autoscaled, StepUp
from harness.analyse.run.changed import Changed
from harness.analyse.run.trained import ServedVersion
from harness.setup.changes import (
    AUTOSCALING,
    NODE_DRAINED,
    NOT_LIVE,
    POD_KILLED,
    ROLLING_UPDATE,
    TRAIN_AND_SERVE,
    ChangeName,
)

TITLES: dict[ChangeName, str] = {
    AUTOSCALING: "Autoscaling",
    ROLLING_UPDATE: "Rolling update",
    POD_KILLED: "A pod killed",
    NODE_DRAINED: "A node drained",
    NOT_LIVE: "A pod frozen",
    TRAIN_AND_SERVE: "Train and serve",
}
_EVEN = 0.05  # of a mean: shares that differ by less are as good as even


def number(value: float | None, digits: int = 3) -> str:
    """With so many digits that matter; a dash where nothing is known."""
    if value is None or not math.isfinite(value):
        return "–"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def efficiency(found: Efficiency | None) -> str:
    """`91% (85–97)`; a dash where it is not known."""
    if found is None:
        return "–"
    text = f"{100 * found.value:.0f}%"
    if found.low is None or found.high is None:
        return text
    return f"{text} ({100 * found.low:.0f}–{100 * found.high:.0f})"


def of_one(point: PodPoint) -> str:
    """The efficiency of a number of replicas: one is what others are measured by."""
    known = point.capacity is not None and point.capacity.median > 0
    return "100%" if point.replicas == 1 and known else efficiency(point.efficiency)


def of_points(found: ScaledVariant) -> Iterator[str]:
    """What more replicas of a variant gave."""
    for point in found.points:
        if point.efficiency is not None:
            yield f"{_gained(point)}."
    for point in found.points:
        if point.balance is not None and point.balance.most_over_mean > 1 + _EVEN:
            calls = ", ".join(f"{count:,}" for count in point.balance.calls)
            yield (
                f"The {len(point.balance.calls)} pods had {calls} calls: the busiest had "
                f"{point.balance.most_over_mean:.2f} times the mean (Jain's index "
                f"{point.balance.jain:.3f})."
            )


def of_change(found: ShownChange) -> Iterator[str]:
    """What a change of a variant did to callers, in the first round that has it; what was lost, in
    all."""
    first = found.first
    if first is not None:
        if first.steps is not None:
            yield from map(_begun, _autoscaled(first.steps, first))
        yield f"{_begun(_lost(found))}."
        if first.steps is None:
            yield f"{_begun(_course(first))}."
        yield from (f"{_begun(_version(each))}." for each in first.versions)
    yield from (f"Not whole: {why}." for why in found.failures)


def notes(found: ScaledVariant) -> list[str]:
    """What a reader must know of the cluster, each once."""
    firsts = [each.first.change for each in found.changes if each.first is not None]
    said = [each.note for each in firsts if each.note]
    said += [
        f"the autoscaler read its figures from {each.metrics_from}"
        for each in firsts
        if each.metrics_from
    ]
    return list(dict.fromkeys(said))


def _begun(sentence: str) -> str:
    """With a capital."""
    return sentence[:1].upper() + sentence[1:]


def _gained(point: PodPoint) -> str:
    assert point.efficiency is not None
    times = point.efficiency.value * point.replicas
    how = "" if point.efficiency.by_rounds else ", by one round"
    return (
        f"{point.replicas} pods hold {number(times)} times the load of one: an efficiency of "
        f"{efficiency(point.efficiency)}{how}"
    )


def _autoscaled(found: Autoscaled, changed: Changed) -> Iterator[str]:
    for up in found.ups:
        yield f"from {up.before} to {up.name} {_step(up, changed)}."
    if found.pods is not None:
        pods = found.pods
        yield (
            f"{number(pods.used_s)} pod-seconds, {number(pods.used_s / pods.ideal_s)} times the "
            f"{number(pods.ideal_s)} of as many pods at each rate as carry it; as many throughout "
            f"as the highest rate needs would be {number(pods.fixed_s)}."
        )
    if found.down_s is not None:
        yield f"{number(found.down_s)} s after the rate fell there were as few pods as at first."
    elif found.ups:
        yield "after the rate had fallen there were more pods than at first until the end."


def _step(up: StepUp, changed: Changed) -> str:
    share = f"p{100 * changed.slo.share:g}<{changed.slo.limit_ns / 1e6:g}ms"
    held = f"{share} did not hold again in {number(up.lasts_s)} s"
    if up.few:
        held = f"{up.requests:,} requests are too few to tell when {share} held"
    elif up.held_s is not None:
        held = f"{share} held after {number(up.held_s)} s" if up.held_s else f"{share} held on"
    asked = "no more pods were asked for"
    if up.asked_s is not None:
        ready = "never ready" if up.ready_s is None else f"ready after {number(up.ready_s)} s"
        asked = f"more pods asked for after {number(up.asked_s)} s, {ready}"
    if not up.late and not up.failed:
        return f"{held} ({asked})"
    return f"{held} ({asked}); until then {up.late:,} requests were late, and {up.failed:,} failed"


def _lost(found: ShownChange) -> str:
    assert found.first is not None
    if len(found.rounds) == 1:
        said = changed_words.lost(found.first)
    elif not found.lost:
        said = f"no request of {found.requests:,} was lost in {len(found.rounds)} rounds"
    else:
        worst = max(found.rounds, key=lambda each: each.lost)
        said = (
            f"{found.lost:,} of {found.requests:,} requests were lost in {len(found.rounds)} "
            f"rounds; in the worst, {changed_words.lost(worst)}"
        )
    return f"after the highest rate {said}" if found.name == AUTOSCALING else said


def _course(found: Changed) -> str:
    parts = []
    if found.gap_s is not None:
        before = "" if found.gap_before_s is None else f" ({1e3 * found.gap_before_s:,.0f} before)"
        parts.append(f"longest time without an answer {1e3 * found.gap_s:,.0f} ms{before}")
    if (beside := found.beside) is not None:
        during = "among failed requests"
        if beside.during_ms is not None:
            during = f"{number(beside.during_ms)} ms, {_times(beside.ratio)} times that before"
        parts.append(f"{beside.name} {during}")
    held = "it did not hold for good again"
    if found.few:
        held = "too few requests to tell when it held again"
    elif found.held_s is not None:
        held = f"it held again after {number(found.held_s)} s" if found.held_s else "it held on"
    parts.append(f"{found.slo}: {held}")
    if found.change.recovery_s is not None:
        parts.append(f"all pods as before after {number(found.change.recovery_s)} s")
    return "; ".join(parts)


def _times(ratio: float | None) -> str:
    return number(ratio) if ratio is None or ratio >= 10 else f"{ratio:.2f}"


def _version(found: ServedVersion) -> str:
    told = found.told
    if told.failure:
        return f"version {told.version}, by a {told.by}: {told.failure.rstrip('.')}"
    parts = []
    if told.trained_s is not None:
        parts.append(f"trained in {number(told.trained_s)} s")
    if found.ended_s is not None:
        parts.append(f"its Job over after {number(found.ended_s)} s")
    if found.first_s is not None:
        parts.append(f"first answer after {number(found.first_s)} s")
    if found.served_s is not None:
        parts.append(f"served by all pods after {number(found.served_s)} s")
    if found.last_old_s is not None:
        parts.append(f"last answer of an earlier one after {number(found.last_old_s)} s")
    said = ", ".join(parts) or "it answered nothing"
    if found.old_after_new:
        said += f"; {found.old_after_new:,} requests were answered by an earlier one after that"
    return f"version {told.version}, by a {told.by}: {said}"
