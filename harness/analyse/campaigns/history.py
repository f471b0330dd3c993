"""Numbers over many campaigns: what changed, when, by how much, and whose doing it was."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.analyse.campaigns import steps
from harness.analyse.campaigns.nights import FOLLOWED, Night
from harness.analyse.campaigns.series import HOST, Mark, Place, Raw, gathered
from harness.analyse.campaigns.steps import Fitted, LevelShift
from harness.analyse.field.comparison import COLUMNS

_NEAR = 2  # nights between the places of one change, as two series show it
_SHARED = 4  # variants that change alike, at least, for it to be none of their own doing
_SAID = ("harness", "python", "kernel", "distribution", "governor", "clock source")


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One number of one variant, night after night, explained."""

    raw: Raw
    fitted: Fitted

    @property
    def place(self) -> Place:
        return self.raw.place

    @property
    def variant(self) -> str:
        return self.raw.variant

    @property
    def metric(self) -> str:
        return self.raw.metric

    @property
    def marks(self) -> tuple[Mark, ...]:
        return self.raw.marks

    @property
    def is_host(self) -> bool:
        """Whether it is that of the canaries themselves."""
        return self.variant == HOST


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ChangePoint:
    """A change point."""

    series: Series
    step: LevelShift
    cause: str  # "host", "shared", "version" or "variant": see docs/history.md
    what: tuple[str, ...]  # what else is known to be different since that night

    @property
    def ratio(self) -> float:
        """The new level divided by the one before."""
        return math.exp(self.step.change)

    @property
    def levels(self) -> tuple[float, float]:
        """The level before, and the new one, on a usual night of the host."""
        found = self.series.fitted.levels
        return math.exp(found[self.step.at - 1]), math.exp(found[self.step.at])

    @property
    def mark(self) -> Mark:
        """The first night of the new level."""
        return self.series.marks[self.step.at]

    @property
    def nights_ago(self) -> int:
        """0 for a change of the last night."""
        return len(self.series.marks) - 1 - self.step.at

    @property
    def worse(self) -> bool:
        """Whether the new level is the worse one."""
        return (self.step.change > 0) == (COLUMNS[self.series.metric].better == "lower")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Everything that some nights tell."""

    nights: tuple[Night, ...]
    series: tuple[Series, ...]
    changes: tuple[ChangePoint, ...]  # the newest first
    level: float  # of significance that a change had to have

    def recent(self, nights: int) -> tuple[ChangePoint, ...]:
        """Changes of the last nights of their series that are not the host's doing."""
        return tuple(c for c in self.changes if c.nights_ago < nights and c.cause != "host")


def of_nights(nights: Sequence[Night], metrics: Sequence[str] = FOLLOWED) -> History:
    """Every series of those metrics, and its changes; nights are the oldest first."""
    raw = list(gathered(nights, metrics))
    long = sum(len(each.marks) >= 2 * steps.LEAST_NIGHTS + 2 for each in raw)
    level = steps.FALSE_ALARMS / max(long, 1)
    series = tuple(Series(each, steps.fit(each.values, each.others, level)) for each in raw)
    found = sorted(_attributed(series), key=lambda c: (c.series.variant, c.series.metric))
    found.sort(key=lambda change: change.mark.started_at, reverse=True)
    return History(nights=tuple(nights), series=series, changes=tuple(found), level=level)


def _attributed(series: Sequence[Series]) -> Iterator[ChangePoint]:
    """Every change, with whose doing it is."""
    found = [(one, step) for one in series for step in one.fitted.steps]
    for one, step in found:
        beside = [
            (other, theirs)
            for other, theirs in found
            if other.place == one.place
            and other.metric == one.metric
            and other.variant != one.variant
            and abs(_when(other, theirs) - _when(one, step)) <= _NEAR
        ]
        what = tuple(_different(one, step.at))
        yield ChangePoint(series=one, step=step, cause=_cause(one, step, beside, series), what=what)


def _when(series: Series, step: LevelShift) -> int:
    """The night of a change, counted on the ground's own nights."""
    return series.raw.places[step.at]


def _cause(
    one: Series,
    step: LevelShift,
    beside: Sequence[tuple[Series, LevelShift]],
    series: Sequence[Series],
) -> str:
    if one.is_host:
        return "host"
    # The canaries' weights are known only roughly: half of what the host did may be left.
    host = [theirs for other, theirs in beside if other.is_host]
    if any(abs(step.change) < abs(theirs.change) / 2 for theirs in host):
        return "host"
    alike = [t for other, t in beside if not other.is_host and t.change * step.change > 0]
    field = {
        other.variant
        for other in series
        if other.place == one.place and other.metric == one.metric and not other.is_host
    }
    if len(alike) + 1 >= max(_SHARED, len(field) / 2):
        return "shared"
    versions = {one.marks[at].version for at in (step.at - 1, step.at)}
    return "version" if len(versions) == 2 else "variant"


def _different(series: Series, at: int) -> Iterator[str]:
    """The facts about a campaign that differ from the previous one, in words."""
    before, after = series.marks[at - 1], series.marks[at]
    if before.version != after.version:
        yield f"{series.raw.framework} {before.version or '?'} → {after.version or '?'}"
    for key in _SAID:
        old, new = before.environment.get(key), after.environment.get(key)
        if old != new and old and new:
            yield f"{key} {old} → {new}"
