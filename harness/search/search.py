"""The search for the highest rate that holds an SLO: where to look next, and what was found.

Pure functions of the probes so far; a probe is a window at one Poisson rate. Whether a rate holds
is a question about one share: of requests that fail or take longer than the limit. Far from the
limit a binomial bound decides it, as MLPerf's early stopping does (loadgen/early_stopping.cc): for
p99 at 99% confidence 459 requests with none over the limit suffice, or 662 with one. A probe is as
long as that takes; one that is undecided is followed by another at the same rate.

Near the limit no single probe can be believed: requests are late in bursts that are seconds apart.
So counts are divided by how much neighbours repeat each other (see `harness.search.tallying`), and
the rate at which the share crosses what the SLO allows is fitted to all probes around it: a
logistic regression of the share on the logarithm of the rate, since the tails of queues are
exponential.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from harness.search.tallying import SETTLE_LIMITS, Tally
from harness.setup.slo import Slo

CONFIDENCE = 0.99  # of a probe's decision; MLPerf's
FINE = 1.05  # an interval this narrow (high/low) is the end of the search
WELL_KNOWN = 1.1  # a factor of an interval of 95%: a search that is not so sure goes on longer
_STEP = 2.0  # while nothing is bracketed; the root of it beyond a probe that decided nothing
_NEAR = 1.5  # a bracket this narrow (high/low) is fitted; rates further away have no say in it
_ASIDE = 0.03  # beside the fitted rate, on both sides in turn: there the slope is learnt too
BESIDE = 1.07  # the same of a rate that is expected, as a factor: by as much it may be off
_REPEATS = 4  # times the requests of a quick decision: then a rate is undecided for good
_LEAST_LIMITS = 5  # of the SLO's limit: in less, a rate that is too high looks as if it held
_SHARE_OF_TIME = 0.2  # of what is left goes into one probe
FEWEST = 50  # requests of a probe: where time is short, the answer is rough, and says so

Ruling = Literal["holds", "broken", "undecided"]


@dataclass(frozen=True, slots=True)
class NextProbe:
    """The next rate to probe."""

    rate_per_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """The capacity in requests per second, with an interval of 95%."""

    rate_per_s: float | None  # None: no tried rate met the SLO
    low: float | None
    high: float | None  # None: the highest tried rate meets it

    @property
    def bracketed(self) -> bool:
        """Whether it only lies between two rates too far apart to fit anything between them."""
        return self.high is not None and self.rate_per_s is not None and self.low == self.rate_per_s

    @property
    def well_known(self) -> bool:
        """Whether its interval is narrow."""
        if self.low is None or self.high is None or self.rate_per_s is None:
            return False
        return self.high <= WELL_KNOWN**2 * self.low


def needed(slo: Slo) -> int:
    """Requests that suffice where none is over the limit: 459 for p99."""
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(slo.share))


def least_s(rate_per_s: float, slo: Slo) -> float:
    """The seconds of the shortest probe at a rate: none is over before its queue could form."""
    return max(FEWEST / rate_per_s, _LEAST_LIMITS * slo.limit_ns / 1e9, 0.5)


def ruling(tallies: Sequence[Tally], slo: Slo) -> Ruling:
    """The decision of the probes at one rate."""
    from scipy.special import betaincinv

    if _errors(tallies, slo) is not None:
        return "broken"
    effect = _mean_effect(tallies)
    n = sum(found.requests for found in tallies) / effect
    k = sum(found.over for found in tallies) / effect
    if n > k and betaincinv(k + 1, n - k, CONFIDENCE) <= slo.may_miss:
        return "holds"
    if k > 0 and betaincinv(k, max(n - k, 0) + 1, 1 - CONFIDENCE) > slo.may_miss:
        return "broken"
    return "undecided"


def look(
    tallies: Sequence[Tally], slo: Slo, start_per_s: float, ceiling_per_s: float, left_s: float
) -> NextProbe | None:
    """The next rate to probe; None if nothing more can be learnt, or not in the time left."""
    if not tallies:
        return _quick(min(start_per_s, ceiling_per_s), 1, slo, left_s)
    low, high = bracket(tallies, slo)
    if low is not None and high is not None and high / low < _NEAR:
        return _near(tallies, slo, ceiling_per_s, left_s)
    last = _at(tallies, tallies[-1].rate_per_s)
    counted = sum(found.requests for found in last)
    doubtful = ruling(last, slo) == "undecided" and any(found.over for found in last)
    # Without time for a decision, other rates tell more than the same one again.
    affordable = needed(slo) <= tallies[-1].rate_per_s * left_s / 2
    if doubtful and affordable and counted < _REPEATS * needed(slo):
        return _quick(tallies[-1].rate_per_s, 2 * len(last), slo, left_s)
    # What a probe that decided nothing is at is not far from the capacity.
    step = math.sqrt(_STEP) if ruling(last, slo) == "undecided" else _STEP
    if low is None:
        assert high is not None  # there is a probe, and it is on one side
        return _quick(high / step, 1, slo, left_s)
    if high is None:
        if low >= ceiling_per_s:
            top = _at(tallies, low)
            sure = ruling(top, slo) == "holds" or len(top) > _REPEATS
            return None if sure else _quick(low, 2 * len(top), slo, left_s)
        return _quick(min(step * low, ceiling_per_s), 1, slo, left_s)
    return _quick(math.sqrt(low * high), 1, slo, left_s)


def around(
    expected_per_s: float, probed: int, tallies: Sequence[Tally], slo: Slo, left_s: float
) -> NextProbe | None:
    """The next rate to probe near a rate that is expected to be the capacity: beside it, on both
    sides in turn, so that the expectation is confirmed or refuted. None once that is done."""
    near = [t for t in tallies if 1 / _NEAR < t.rate_per_s / expected_per_s < _NEAR]
    if sum(t.requests for t in near) > _REPEATS * needed(slo):
        return None
    rate = expected_per_s * (BESIDE if probed % 2 else 1 / BESIDE)
    least = least_s(rate, slo)
    if left_s < least:
        return None
    return NextProbe(rate, min(max(least, _SHARE_OF_TIME * left_s), left_s))


def bracket(tallies: Sequence[Tally], slo: Slo) -> tuple[float | None, float | None]:
    """(the highest rate that holds, the lowest that does not), by all probes together.

    The share over the limit grows with the rate: its isotonic regression outvotes a rate that held
    by chance.
    """
    from scipy.optimize import isotonic_regression

    rates, n, k = _pooled(tallies, slo)
    holds = isotonic_regression(k / n, weights=n).x <= slo.may_miss
    low = float(rates[holds].max()) if holds.any() else None
    high = float(rates[~holds].min()) if not holds.all() else None
    return low, high


def estimate(tallies: Sequence[Tally], slo: Slo) -> Estimate:
    """The rate at which the share over the limit crosses what the SLO allows."""
    if not tallies:
        return Estimate(None, None, None)
    low, high = bracket(tallies, slo)
    if low is None:
        return Estimate(None, None, high)
    if high is None:
        sure = [r for r in _pooled(tallies, slo)[0] if ruling(_at(tallies, r), slo) == "holds"]
        return Estimate(max(sure), max(sure), None) if sure else Estimate(None, None, None)
    if high / low >= _NEAR:  # too little time to come nearer: nothing is known between the two
        return Estimate(low, low, high)
    rate, spread = _fitted(tallies, slo)
    return Estimate(rate, rate / spread, rate * spread)


def _near(tallies: Sequence[Tally], slo: Slo, ceiling: float, left_s: float) -> NextProbe | None:
    rate, spread = _fitted(tallies, slo)
    if spread**2 < FINE:
        return None
    aside = 1 + _ASIDE if len(tallies) % 2 else 1 - _ASIDE
    quick = _quick(min(rate * aside, ceiling), 1, slo, left_s)
    if quick is None:
        return None
    longer_s = max(quick.duration_s, _SHARE_OF_TIME * left_s)
    return NextProbe(quick.rate_per_s, min(longer_s, left_s))


def _quick(rate: float, times: float, slo: Slo, left_s: float) -> NextProbe | None:
    """A probe long enough for a quick decision, but no more than its share of the time."""
    settle_s = SETTLE_LIMITS * slo.limit_ns / 1e9
    counted_s = 1.05 * times * needed(slo) / rate
    wanted_s = max(counted_s + min(settle_s, counted_s / 2), settle_s, 0.5)
    least = least_s(rate, slo)
    if left_s < least:
        return None
    return NextProbe(rate, min(max(least, min(wanted_s, _SHARE_OF_TIME * left_s)), left_s))


def _at(tallies: Sequence[Tally], rate: float) -> list[Tally]:
    return [found for found in tallies if found.rate_per_s == rate]


def _errors(tallies: Sequence[Tally], slo: Slo) -> float | None:
    """The share that failed, where chance does not explain that it exceeds what the SLO allows.

    Errors are refuted, not proved absent: for 0.1% that would take 4603 requests without any.
    """
    from scipy.special import bdtrc

    failed = sum(found.failed for found in tallies)
    count = sum(found.requests for found in tallies)
    if failed and float(bdtrc(failed - 1, count, slo.errors)) < 1 - CONFIDENCE:
        return failed / count
    return None


def _pooled(tallies: Sequence[Tally], slo: Slo) -> tuple[Any, Any, Any]:
    """(rates, ascending; requests at each; those over the limit)."""
    rates = sorted({found.rate_per_s for found in tallies})
    n: list[float] = []
    k: list[float] = []
    for rate in rates:
        here = _at(tallies, rate)
        n.append(max(sum(found.requests for found in here), 1))
        k.append(sum(found.over for found in here))
        failed = _errors(here, slo)
        if failed is not None:
            k[-1] = max(k[-1], n[-1] * min(1.0, slo.may_miss * failed / slo.errors))
    return np.array(rates), np.array(n, dtype=float), np.array(k, dtype=float)


def _fitted(tallies: Sequence[Tally], slo: Slo) -> tuple[float, float]:
    """(the rate at which the fitted share is what the SLO allows, factor of its 95% interval)."""
    low, high = bracket(tallies, slo)
    middle = math.sqrt((low or high or 1.0) * (high or low or 1.0))
    rates, n, k = _pooled(tallies, slo)
    near = (rates > middle / _NEAR) & (rates < middle * _NEAR)
    effect = _smooth_effect([t for t in tallies if t.rate_per_s in rates[near]], rates[near])
    # A tenth of a request on either side: where nothing is late at all, the fit stays finite.
    n, k = n[near] / effect + 0.2, k[near] / effect + 0.1
    target = math.log(slo.may_miss / slo.share)
    found, covariance = _logistic(np.log(rates[near] / middle), n, k, target)
    slope = max(float(found[1]), 0.5)  # the share grows with the rate, whatever chance says
    place = float(np.clip((target - found[0]) / slope, -math.log(_NEAR), math.log(_NEAR)))
    # The delta method: how far the crossing moves with either coefficient.
    gradient = np.array([-1.0, -place]) / slope
    deviation = math.sqrt(float(gradient @ covariance @ gradient)) * _student(len(n) - 2)
    return middle * math.exp(place), math.exp(min(deviation, math.log(_STEP)))


def _logistic(x: Any, n: Any, k: Any, level: float) -> tuple[Any, Any]:
    """(level and slope of log odds over x; their covariance), by Newton's iteration.

    A weak prior keeps the slope within reason. The covariance grows with what the probes differ by
    beyond chance (quasi-likelihood: Wedderburn, Biometrika 61, 1974).
    """
    design = np.column_stack((np.ones(len(x)), x))
    expected, prior = np.array([level, 10.0]), np.diag([1e-6, 1e-3])
    found = expected.copy()
    for _ in range(100):
        share = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        weight = n * share * (1 - share) + 1e-9
        curvature = design.T @ (design * weight[:, None]) + prior
        step = np.linalg.solve(curvature, design.T @ (k - n * share) - prior @ (found - expected))
        found = found + step * min(1.0, 3 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    excess = float(((k - n * share) ** 2 / weight).sum()) / max(len(n) - 2, 1)
    return found, np.linalg.inv(curvature) * max(excess, 1.0)


def _mean_effect(tallies: Sequence[Tally]) -> float:
    weights = [found.requests + 1e-9 for found in tallies]
    return float(np.average([found.effect for found in tallies], weights=weights))


def _student(freedom: int) -> float:
    """Deviations that hold 95%."""
    from scipy.special import stdtrit

    return float(stdtrit(max(freedom, 1), 0.975))


def _smooth_effect(tallies: Sequence[Tally], rates: Any) -> Any:
    """The effect at each rate, from a straight line through the logarithms of all.

    By itself, a probe that missed every burst would look the most certain of all.
    """
    x = np.log([found.rate_per_s for found in tallies])
    y = np.log([found.effect for found in tallies])
    weights = np.sqrt([found.requests + 1.0 for found in tallies])
    middle = float(np.average(x, weights=weights))
    spread = float((weights * (x - middle) ** 2).sum())
    slope = float((weights * (x - middle) * y).sum()) / spread if spread > 0 else 0.0
    level = float(np.average(y, weights=weights))
    return np.exp(np.maximum(level + max(slope, 0.0) * (np.log(rates) - middle), 0.0))
