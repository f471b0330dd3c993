"""The numbers that are drawn, from the rows of a comparison. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analyse.field.comparison import Row
from harness.analyse.run.digested import Curve, Digest
from harness.analyse.run.findings import RUN_RULES, Finding, Verdict
from harness.analyse.statistics import stats
from harness.setup.slo import Slo

MOST = 60  # points of a curve: more are not seen
_BEYOND = 4  # answers that must be expected beyond a share; as stats.percentile has it
_SAME = 1.04  # rates that differ by no more than this factor are one point
_FAR = 2.0
_ODD = 3  # rounds of a variant that are drawn by themselves
SHARES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


@dataclass(frozen=True, slots=True)
class Distribution:
    """Response time by the share of requests that stayed below it: the median over rounds."""

    shares: tuple[float, ...]
    times_ms: tuple[float, ...]
    named: dict[str, float]  # of SHARES, as far as there are answers behind them


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """An observation at one offered rate."""

    rate_per_s: float
    time_ms: float  # the SLO's percentile
    requests: int
    over: int  # failed, or slower than the limit


@dataclass(frozen=True, slots=True)
class Odd:
    """A round about which something was found."""

    number: int
    findings: tuple[Finding, ...]
    median_ms: Any

    @property
    def invalid(self) -> bool:
        """Whether it counts for nothing."""
        return any(finding.verdict is Verdict.INVALID for finding in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Along:
    """Response time along an open-loop window: median over the rounds that count."""

    at_s: Any
    median_ms: Any  # NaN: not known
    p95_ms: Any
    odd: tuple[Odd, ...]


def counted(row: Row) -> list[Digest]:
    """The digests of a row whose numbers count."""
    return [digest for digest in row.digests if not digest.invalid]


def distribution(row: Row) -> Distribution | None:
    """The distribution in the steady window; None if no round has one."""
    found = [c for d in counted(row) for c in d.curves if c.is_open]
    found = [curve for curve in found if curve.profile == found[0].profile]
    if not found:
        return None
    below = 1 - found[0].shares
    # The tail of a curve is drawn only as far as there are answers behind it.
    enough = below * min(curve.answers for curve in found) >= _BEYOND - 1e-9
    times = np.median([curve.quantiles_ms for curve in found], axis=0)
    enough &= np.isfinite(times)  # beyond are those that were never answered
    if not enough.any():
        return None
    shares, times = found[0].shares[enough], times[enough]
    last = float(shares[-1])
    named = {
        name: float(np.interp(share, shares, times))
        for name, share in SHARES.items()
        if share <= last + 1e-9
    }
    for name in named:  # where the table has it, it is the same number
        spread = row.spreads.get(f"latency_{name}")
        named[name] = spread.median if spread is not None else named[name]
    kept = thinned(len(shares))
    return Distribution(_floats(shares[kept]), _floats(times[kept]), named)


def offered(row: Row, wanted: Slo) -> tuple[Offered, ...]:
    """The probes of all searches and the steady windows, by rate; neighbours are one point."""
    found = []
    for digest in counted(row):
        steps = digest.found.steps if digest.found is not None else ()
        for step in steps:
            # As the search counts: disturbance makes nothing faster.
            if step.percentile_ms is not None and (not step.disturbed or step.ruling == "holds"):
                found.append(
                    Offered(
                        rate_per_s=step.rate_per_s,
                        time_ms=step.percentile_ms,
                        requests=step.requests,
                        over=step.over,
                    )
                )
        steady = _steady(digest, wanted)
        found += [steady] if steady is not None else []
    return merged(found)


def _steady(digest: Digest, wanted: Slo) -> Offered | None:
    window = next((w for w in digest.facts.profiles if w.profile.is_open), None)
    if window is None or digest.response_ms is None or window.profile.rate_per_s is None:
        return None
    if window.profile.rate_to_per_s is not None:  # no one rate
        return None
    taken = digest.response_ms
    answered = taken[np.isfinite(taken)]
    time = stats.percentile(np.where(np.isfinite(taken), taken, np.inf), wanted.share)
    if time is None:
        return None
    over = len(taken) - int((answered <= wanted.limit_ns / 1e6).sum())
    return Offered(
        rate_per_s=window.profile.rate_per_s, time_ms=time, requests=len(taken), over=over
    )


def merged(points: Iterable[Offered], most: int = MOST) -> tuple[Offered, ...]:
    """Points of nearly the same rate as one: median time, pooled requests; `most` at most."""
    ordered = sorted(points, key=lambda point: (point.rate_per_s, point.time_ms))
    apart, groups = _SAME, _grouped(ordered, _SAME)
    while len(groups) > most:
        apart **= 1.5
        groups = _grouped(ordered, apart)
    return tuple(
        Offered(
            rate_per_s=float(
                np.average([p.rate_per_s for p in group], weights=[p.requests for p in group])
            ),
            time_ms=float(np.median([p.time_ms for p in group])),
            requests=sum(p.requests for p in group),
            over=sum(p.over for p in group),
        )
        for group in groups
    )


def _grouped(ordered: Sequence[Offered], apart: float) -> list[list[Offered]]:
    groups: list[list[Offered]] = []
    for point in ordered:
        if groups and point.rate_per_s <= apart * groups[-1][0].rate_per_s:
            groups[-1].append(point)
        else:
            groups.append([point])
    return groups


def along(row: Row, profile: str) -> Along | None:
    """Median and p95 along the window of that profile, and the rounds with findings on it."""
    seen = [(d, c) for d in row.digests for c in d.curves if c.is_open and c.profile == profile]
    if not seen:
        return None
    good = [curve for digest, curve in seen if not digest.invalid]
    # If no round counts, each is odd, and there is no median to draw.
    nothing = np.full(len(seen[0][1].at_s), np.nan)
    odd = [Odd(d.cell.round, found, c.median_ms) for d, c in seen if (found := _on(d, profile))]
    odd.sort(key=lambda each: (not each.invalid, each.number))
    return Along(
        at_s=np.mean([curve.at_s for _, curve in seen], axis=0),
        median_ms=median_of_known([curve.median_ms for curve in good]) if good else nothing,
        p95_ms=median_of_known([curve.p95_ms for curve in good]) if good else nothing,
        odd=tuple(sorted(odd[:_ODD], key=lambda each: each.number)),
    )


def _on(digest: Digest, profile: str) -> tuple[Finding, ...]:
    """Doubts about that window, and what makes the whole run INVALID."""
    return tuple(
        finding
        for finding in digest.findings
        if (finding.verdict is not Verdict.NOTE and finding.window == profile)
        or (finding.verdict is Verdict.INVALID and finding.name in RUN_RULES)
    )


def in_sight(highest: dict[str, float], references: Iterable[str]) -> set[str]:
    """Names without references so far below all others that they would squeeze them together."""
    aside = set(references)
    least = min((value for name, value in highest.items() if name not in aside), default=0.0)
    return {name for name, value in highest.items() if name not in aside or value * _FAR > least}


def not_beyond(highest: dict[str, float], references: Iterable[str]) -> set[str]:
    """The same for references that are far above all others."""
    aside = set(references)
    known = [value for name, value in highest.items() if name not in aside]
    most = max(known, default=float("inf"))
    return {name for name, value in highest.items() if name not in aside or value < _FAR * most}


def thinned(count: int, most: int = MOST) -> Any:
    """Indexes of at most so many of `count` points, evenly, the first and the last among them."""
    return np.unique(np.round(np.linspace(0, count - 1, min(count, most))).astype(np.int64))


def median_of_known(curves: Sequence[Any]) -> Any:
    """Median over curves, point by point; NaN where none has a number."""
    table = np.array(curves)
    known = np.isfinite(table)
    return np.array(
        [
            np.median(column[have]) if have.any() else np.nan
            for column, have in zip(table.T, known.T, strict=True)
        ]
    )


def extremes(table: Any) -> tuple[Any, Any]:
    """Least and most of each column; NaN where it has no number."""
    known = np.isfinite(table)
    low = np.where(known, table, np.inf).min(axis=0)
    high = np.where(known, table, -np.inf).max(axis=0)
    return np.where(np.isfinite(low), low, np.nan), np.where(np.isfinite(high), high, np.nan)


def profiles(rows: Iterable[Row]) -> list[str]:
    """Names of the open-loop profiles that some round has answers in, in order."""
    curves: Iterable[Curve] = (c for row in rows for d in row.digests for c in d.curves)
    return list(dict.fromkeys(curve.profile for curve in curves if curve.is_open))


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(map(float, values))
