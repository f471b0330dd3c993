"""From campaigns to series: one number of one variant, night after night, and the canaries'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analyse.campaigns.nights import CONTROL, Ground, Night, NightRow
from harness.stored.identity import NULL, PREDICTOR, Canary, Point, Subject

Floats = NDArray[np.float64]

CANARIES: tuple[Canary, ...] = (NULL, PREDICTOR)
HOST = "the host"  # in place of a variant's name: what the canaries have in common
_OFTEN = 0.8  # of the nights must have a canary's number for it to be one


@dataclass(frozen=True, slots=True)
class Place:
    """The ground and the canaries that all nights of a series share."""

    ground: Ground
    canaries: tuple[str, ...]  # with their versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A campaign, as a point of a series."""

    campaign: str
    started_at: str
    version: str | None  # of the framework
    environment: dict[str, str]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Raw:
    """A series as it was measured, in logarithms."""

    place: Place
    variant: str
    subject: Subject | None  # what that name is made of, with the point; None for the host
    point: Point | None
    plain_benchmark: str  # without the point
    framework: str
    metric: str
    marks: tuple[Mark, ...]
    values: Floats  # of each night
    others: Floats  # the canaries', a row for each night
    places: tuple[int, ...]  # of its nights among all those of the place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    night: Night
    plain_benchmark: str
    rows: dict[str, NightRow]  # by variant, the canaries left out
    canaries: dict[Canary, NightRow]


def gathered(nights: Sequence[Night], metrics: Sequence[str]) -> Iterator[Raw]:
    """Every series of some nights, the oldest first; those of the host among them."""
    places: dict[Place, list[_Point]] = {}
    for night in nights:
        for benchmark in dict.fromkeys(row.benchmark for row in night.rows):
            ours = [row for row in night.rows if row.benchmark == benchmark]
            rows = {row.variant: row for row in ours if row.canary is None}
            canaries = {row.canary: row for row in ours if row.canary is not None}
            known = [canaries[role] for role in CANARIES if role in canaries]
            named = tuple(f"{row.variant} {row.version or ''}".strip() for row in known)
            place = Place(night.grounds[benchmark], named)
            places.setdefault(place, []).append(
                _Point(
                    night=night,
                    plain_benchmark=ours[0].plain_benchmark,
                    rows=rows,
                    canaries=canaries,
                )
            )
    for place, points in places.items():
        for metric in metrics:
            yield from _of_metric(place, points, metric)


def night_values(values: Any, canaries: Any) -> tuple[float, Floats]:
    """(a variant's number of a night, each canary's), from logarithms by round; the canaries' by
    [canary, round]. The variant's is taken round by round beside theirs: what slowed the machine in
    one round alone is left out of it."""
    theirs = np.array([_middle(row) for row in canaries])
    if not len(theirs):
        return _middle(values), theirs
    return _middle(values - np.mean(canaries, axis=0)) + float(theirs.mean()), theirs


def _middle(values: Any) -> float:
    """Mean without the least and the most, where there are more than three."""
    ordered = np.sort(values)
    return float(np.mean(ordered[1:-1] if len(ordered) > 3 else ordered))


def _of_metric(place: Place, points: Sequence[_Point], metric: str) -> Iterator[Raw]:
    control = CONTROL.get(metric, metric)
    canaries = [
        role
        for role in CANARIES
        if control is not None
        and sum(bool(_logs(p.canaries.get(role), control)) for p in points) > _OFTEN * len(points)
    ]
    names = dict.fromkeys(name for point in points for name in point.rows)
    for name in names:
        made = _series(place, points, name, metric, canaries)
        if made is not None:
            yield made
    if canaries and metric == control:
        host = _series(place, points, HOST, metric, canaries)
        if host is not None:
            yield host


def _series(
    place: Place, points: Sequence[_Point], name: str, metric: str, canaries: list[Canary]
) -> Raw | None:
    """A series of the nights that have both the variant and the canaries."""
    control = CONTROL.get(metric, metric) or ""
    marks: list[Mark] = []
    values: list[float] = []
    others: list[Floats] = []
    places: list[int] = []
    last: NightRow | None = None
    for number, point in enumerate(points):
        theirs = [_logs(point.canaries.get(role), control) for role in canaries]
        ours = theirs[0] if name == HOST else _logs(point.rows.get(name), metric)
        rounds = sorted(set(ours).intersection(*theirs))
        if not rounds:
            continue
        table = np.array([[row[n] for n in rounds] for row in theirs])
        value, levels = night_values(np.array([ours[n] for n in rounds]), table)
        values.append(float(levels.mean()) if name == HOST else value)
        others.append(levels)
        last = point.rows.get(name)
        places.append(number)
        marks.append(_mark(point.night, last))
    if not marks:
        return None
    width = 0 if name == HOST else len(canaries)
    table = np.array(others).reshape(len(values), -1)[:, :width]
    return Raw(
        place=place,
        variant=name,
        subject=last.subject if last else None,
        point=last.point if last else None,
        plain_benchmark=points[0].plain_benchmark,
        framework=last.framework if last else "",
        metric=metric,
        marks=tuple(marks),
        values=np.array(values),
        others=table,
        places=tuple(places),
    )


def _mark(night: Night, row: NightRow | None) -> Mark:
    return Mark(
        campaign=night.campaign,
        started_at=night.started_at,
        version=row.version if row else None,
        environment=night.environment,
    )


def _logs(row: NightRow | None, metric: str) -> dict[int, float]:
    found = row.values.get(metric, {}) if row else {}
    return {number: float(np.log(value)) for number, value in found.items()}
