"""Whether a window was in a steady state: trends in latency and in the backlog. Pure functions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.windows.profiles import Profile
from harness.windows.samples import ERRORS, MISSING, Requests

Floats = NDArray[np.float64]

BINS = 20  # enough for a rank test, few enough that a bin is longer than most excursions of a queue
LEAST = 200  # answers; with fewer a bin has less than ten
# Failures by which a server never gets a request off its back.
_TIMEOUT = ERRORS.index("timeout")
_UNSERVED = (_TIMEOUT, ERRORS.index("unsent"))
_QUICK = 0.1  # of the time-out


@dataclass(frozen=True, slots=True)
class Drift:
    """A trend in latency over a window: its first and last quarter, and how likely chance is."""

    first_ns: float
    last_ns: float
    chance: float

    @property
    def ratio(self) -> float:
        """How often the smaller one goes into the larger one."""
        low, high = sorted((self.first_ns, self.last_ns))
        return high / low if low > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Backlog:
    """How the number of requests in flight grew over a window."""

    growth: float  # requests, from the start to the end
    deviations: float  # growth in standard deviations of a server that is exactly at its limit
    sustained_per_s: float  # completions a second once the queue had built up


def line(values: Floats) -> Floats:
    """The line of the median slope, at each place (Theil 1950, Sen 1968).

    Robust: up to 29% of the values may be anywhere.
    """
    place = np.arange(len(values), dtype=np.float64)
    i, j = np.triu_indices(len(values), 1)
    slope = float(np.median((values[j] - values[i]) / (place[j] - place[i])))
    fitted: Floats = np.median(values - slope * place) + slope * place
    return fitted


def mann_kendall(values: Floats) -> float:
    """How likely chance alone gives a series as ordered as this one: two-sided p, ties corrected.

    Neighbours that are alike without a trend make the test too sure of itself: the variance is
    widened by their autocorrelation, as that of a first-order process would be.
    """
    count = len(values)
    i, j = np.triu_indices(count, 1)
    score = float(np.sign(values[j] - values[i]).sum())
    _, ties = np.unique(values, return_counts=True)
    weights = np.array([count, *ties], np.float64)
    spread = weights * (weights - 1) * (2 * weights + 5)
    variance = float(spread[0] - spread[1:].sum()) / 18
    if variance <= 0 or abs(score) <= 1:
        return 1.0
    share = _alike(values)
    variance *= (1 + share) / (1 - share)
    return math.erfc((abs(score) - 1) / math.sqrt(2 * variance))


def mann_whitney(values: Floats) -> float:
    """How likely chance alone sets the first and the last two fifths as far apart: two-sided p.

    It sees a step, whose two levels have no order within. Widened for neighbours that are alike.
    """
    size = 2 * len(values) // 5
    first, last = values[:size], values[-size:]
    score = float(np.sign(last[:, None] - first[None, :]).sum()) / 2
    share = _share_alike(first - first.mean(), last - last.mean())
    variance = size * size * (2 * size + 1) / 12 * (1 + share) / (1 - share)
    return min(math.erfc((abs(score) - 0.5) / math.sqrt(2 * variance)), 1.0)


def _alike(values: Floats) -> float:
    """Autocorrelation of neighbours, without what a line or one step explains."""
    steps = [
        np.concatenate((values[:k] - values[:k].mean(), values[k:] - values[k:].mean()))
        for k in range(3, len(values) - 2)
    ]
    kept = min((values - line(values), *steps), key=lambda rest: float((rest**2).sum()))
    return _share_alike(kept)


def _share_alike(*parts: Floats) -> float:
    """Autocorrelation of neighbours within the parts, whose means are zero; 0 to 0.9."""
    power = sum(float((part**2).sum()) for part in parts)
    if power <= 0:
        return 0.0
    together = sum(float((part[1:] * part[:-1]).sum()) for part in parts)
    return min(max(together / power, 0.0), 0.9)


def latency(profile: Profile, requests: Requests) -> Drift | None:
    """The trend in response time (closed loop: service time), None with too few answers."""
    level = levels(profile, requests)
    if level is None:
        return None
    quarter = len(level) // 4
    first, last = float(np.median(level[:quarter])), float(np.median(level[-quarter:]))
    return Drift(first, last, min(mann_kendall(level), mann_whitney(level)))


def levels(profile: Profile, requests: Requests) -> Floats | None:
    """Mean latency bin by bin, in ns; None with too few answers.

    Latency is compared at an equal number of requests in flight: a healthy queue has long
    excursions, which are not a trend. By how much a request in flight slows the next one is taken
    from within the bins, where a trend can't be mistaken for it.
    """
    began = _began(profile, requests)
    ok = requests.ok & (began != MISSING)
    if ok.sum() < LEAST:
        return None
    taken = (requests.done_ns[ok] - began[ok]).astype(np.float64)
    ahead = _ahead(began, requests.done_ns)[ok].astype(np.float64)
    place = _places(began[ok], profile)
    counts = np.bincount(place, minlength=BINS)
    full = counts >= 3
    if full.sum() < BINS // 2:
        return None
    time_of, ahead_of = _means(taken, place, counts), _means(ahead, place, counts)
    aside, spread = ahead - ahead_of[place], taken - time_of[place]
    power = float((aside**2).sum())
    cost = max(float((aside * spread).sum()) / power, 0.0) if power > 0 else 0.0
    found: Floats = (time_of - cost * (ahead_of - np.mean(ahead)))[full]
    return found


def backlog(profile: Profile, requests: Requests) -> Backlog | None:
    """How the queue of an open loop grew; None with too few requests.

    The queue of a server exactly at its limit is a random walk: with arrivals and departures as
    irregular as those of M/M/1, its standard deviation after n arrivals is the root of 2 n.
    """
    if not profile.is_open or len(requests) < LEAST:
        return None
    ended = ~np.isin(requests.error, _UNSERVED) & (requests.done_ns != MISSING)
    if _are_lost(profile, requests):
        ended |= requests.error == _TIMEOUT
    if not ended.any():
        return None
    due, done = np.sort(requests.due_ns), np.sort(requests.done_ns[ended])
    end_ns = profile.duration_s * 1e9
    # Until the first answers are back, requests in flight grow whatever the server can do.
    filling = float(np.median(requests.done_ns[ended] - requests.due_ns[ended]))
    edges = np.linspace(min(filling, end_ns / 2), end_ns, BINS + 1)
    waiting = np.searchsorted(due, edges, "right") - np.searchsorted(done, edges, "right")
    fitted = line(waiting.astype(np.float64))
    growth = float(fitted[-1] - fitted[0]) * end_ns / (end_ns - edges[0])
    return Backlog(
        growth, growth / math.sqrt(2 * len(due)), _sustained(done, max(edges[0], end_ns / 4))
    )


def _are_lost(profile: Profile, requests: Requests) -> bool:
    """Whether what timed out waited in no queue: what was answered beside it, in the second half of
    the window, took a small part of that time."""
    taken = requests.done_ns - requests.due_ns
    lost = (requests.error == _TIMEOUT) & (requests.done_ns != MISSING)
    beside = requests.ok & (requests.due_ns > profile.duration_s * 1e9 / 2)
    if not lost.any() or not beside.any():
        return False
    return float(np.median(taken[beside])) < _QUICK * float(np.median(taken[lost]))


def _sustained(done: Any, since_ns: float) -> float:
    """Completions a second from then on; the last of them, which may be stragglers, left out."""
    later = done[done > since_ns]
    if len(later) < 2:
        return 0.0
    last = later[: max(int(0.99 * len(later)), 2)]
    return (len(last) - 1) / (float(last[-1] - last[0]) / 1e9) if last[-1] > last[0] else 0.0


def _began(profile: Profile, requests: Requests) -> Any:
    return requests.due_ns if profile.is_open else requests.sent_ns


def _ahead(began: Any, done: Any) -> Any:
    """How many requests were in flight when each began."""
    known = began != MISSING
    before = np.searchsorted(np.sort(began[known]), began, "left")
    return before - np.searchsorted(np.sort(done[known & (done != MISSING)]), began, "right")


def _places(began: Any, profile: Profile) -> Any:
    width = profile.duration_s * 1e9 / BINS
    return np.clip((began / width).astype(np.int64), 0, BINS - 1)


def _means(values: Floats, place: Any, counts: Any) -> Floats:
    sums: Floats = np.bincount(place, values, BINS) / np.maximum(counts, 1)
    return sums
