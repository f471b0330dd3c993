"""What a server's own metrics say of a window's requests, beside what their client saw.

A quantile is taken from a histogram as Prometheus's `histogram_quantile` does (promql/quantile.go,
`BucketQuantile`): linear within the bucket that holds its rank, from 0 in the first one; beyond the
last bound it is that bound. All that is known is the bucket, so its ends are the quantile's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median

from harness.analyse.statistics import stats
from harness.stored.records import Window
from harness.windows.own_figures import OwnFigures, OwnLatency, Scrapes

REQUEST = "request"
SHARES = (0.5, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEstimate:
    """A time in milliseconds, and between which two it lies; infinite: beyond the last bucket."""

    ms: float
    low_ms: float
    high_ms: float

    @property
    def exact(self) -> bool:
        """Whether it is no estimate from a bucket."""
        return self.low_ms == self.ms == self.high_ms

    def holds(self, ms: float) -> bool:
        """Whether a time lies in the bucket."""
        return self.low_ms <= ms <= self.high_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTimes:
    """How long requests took; None: not known."""

    p50: OwnEstimate | None
    p99: OwnEstimate | None
    mean_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWindow:
    """A window as its server and its client saw it."""

    profile: str
    sent: int
    answered: int  # rightly, as far as the client knows
    client: OwnTimes
    server: OwnTimes
    figures: OwnFigures | None
    problem: str
    scrapes: Scrapes | None

    @property
    def agrees(self) -> bool:
        """Whether the server counted what was answered; some that failed may be among them."""
        return self.figures is not None and self.answered <= self.figures.requests <= self.sent


def of_windows(windows: Iterable[Window]) -> tuple[OwnWindow, ...]:
    """As `of_window`, of those alone whose server has metrics."""
    return tuple(own for window in windows if (own := of_window(window)) is not None)


def of_window(window: Window) -> OwnWindow | None:
    """What both saw; None where the server has no metrics that are known here."""
    facts = window.facts
    if facts.own is None and not facts.own_problem and facts.scrapes is None:
        return None
    latency = facts.own.latency if facts.own is not None else None
    return OwnWindow(
        profile=facts.profile.name,
        sent=len(window.requests),
        answered=int(window.requests.ok.sum()),
        client=_of_client(window),
        server=_of_server(latency),
        figures=facts.own,
        problem=facts.own_problem,
        scrapes=facts.scrapes,
    )


def quantile(latency: OwnLatency, share: float) -> OwnEstimate | None:
    """A quantile of a histogram in milliseconds; None where it has no buckets."""
    if not latency.counts or not latency.bounds_s:
        return None
    below = list(accumulate(latency.counts))
    if not below[-1]:
        return None
    rank = share * below[-1]
    place = next(index for index, count in enumerate(below) if count >= rank)
    if place == len(latency.bounds_s):
        last = 1e3 * latency.bounds_s[-1]
        return OwnEstimate(ms=last, low_ms=last, high_ms=math.inf)
    low = latency.bounds_s[place - 1] if place else min(0.0, latency.bounds_s[0])
    high, count = latency.bounds_s[place], latency.counts[place]
    before = below[place] - count
    inside = low + (high - low) * ((rank - before) / count if count else 1.0)
    return OwnEstimate(ms=1e3 * inside, low_ms=1e3 * low, high_ms=1e3 * high)


def over_rounds(found: Iterable[OwnWindow]) -> OwnWindow | None:
    """The median of each number over the rounds, with the outermost ends of buckets; counts are
    added up. None of nothing."""
    known = list(found)
    counted = [each for each in known if each.figures is not None] or known
    if not known:
        return None
    first = counted[0]
    return OwnWindow(
        profile=first.profile,
        sent=sum(each.sent for each in counted),
        answered=sum(each.answered for each in counted),
        client=_median([each.client for each in counted]),
        server=_median([each.server for each in counted]),
        figures=_added([each.figures for each in counted if each.figures is not None]),
        problem=next((each.problem for each in known if each.problem), ""),
        scrapes=next((each.scrapes for each in known if each.scrapes is not None), None),
    )


def _of_client(window: Window) -> OwnTimes:
    requests = window.requests
    planned = requests.due_ns if window.facts.profile.is_open else requests.sent_ns
    taken_ms = (requests.done_ns - planned)[requests.ok] / 1e6
    p50, p99 = (_exact(stats.percentile(taken_ms, share)) for share in SHARES)
    return OwnTimes(p50=p50, p99=p99, mean_ms=float(taken_ms.mean()) if len(taken_ms) else None)


def _exact(ms: float | None) -> OwnEstimate | None:
    return None if ms is None else OwnEstimate(ms=ms, low_ms=ms, high_ms=ms)


def _of_server(latency: OwnLatency | None) -> OwnTimes:
    if latency is None:
        return OwnTimes(p50=None, p99=None, mean_ms=None)
    mean_ms = None if latency.sum_s is None else 1e3 * latency.sum_s / latency.count
    p50, p99 = (quantile(latency, share) for share in SHARES)
    return OwnTimes(p50=p50, p99=p99, mean_ms=mean_ms)


def _median(times: Sequence[OwnTimes]) -> OwnTimes:
    means = [each.mean_ms for each in times if each.mean_ms is not None]
    return OwnTimes(
        p50=_middle([each.p50 for each in times if each.p50 is not None]),
        p99=_middle([each.p99 for each in times if each.p99 is not None]),
        mean_ms=median(means) if means else None,
    )


def _middle(found: Sequence[OwnEstimate]) -> OwnEstimate | None:
    if not found:
        return None
    middle = median(each.ms for each in found)
    if all(each.exact for each in found):
        return _exact(middle)
    return OwnEstimate(
        ms=middle,
        low_ms=min(each.low_ms for each in found),
        high_ms=max(each.high_ms for each in found),
    )


def _added(found: Sequence[OwnFigures]) -> OwnFigures | None:
    if not found:
        return None
    first = found[0]
    requests = sum(each.requests for each in found)
    return OwnFigures(
        requests=requests,
        queue_s=first.queue_s,
        model_s=first.model_s,
        latency=first.latency,
        lag_s=first.lag_s,
    )
