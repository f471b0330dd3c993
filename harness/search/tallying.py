"""The tally of a search's probe: requests over an SLO's limit, and the weight of each.

Requests near capacity are late in bursts that are seconds apart, so that neighbours repeat each
other. How many tell as much as one that is independent is the autocorrelation time (Geyer,
Practical Markov chain Monte Carlo, 1992, section 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.setup.slo import Slo
from harness.stored.hosts import STEAL_INVALID
from harness.stored.records import Window
from harness.windows.samples import ERRORS, Requests

SETTLE_LIMITS = 10  # of the SLO's limit: an empty server answers fast until its queue has formed
_SETTLE_MOST = 0.3  # share of a probe that may be left out for that
_LAG_SHARE = 0.1  # of the SLO's limit: a generator that late at its p99 makes requests late itself
_LATE_SHARE = 0.01
_MANY = 400  # samples: enough for a p99 (see analyse.stats)
_CHANCE = 0.01
_LOST = ERRORS.index("lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The tally of a probe, without the time in which the queue formed."""

    rate_per_s: float
    requests: int
    over: int  # failed, or slower than the limit
    failed: int
    effect: float  # so many requests tell as much as one that is independent


def counted(probes: Sequence[Window], slo: Slo) -> list[Tally]:
    """The tally of each probe that was not disturbed.

    A probe that held all the same counts: disturbance makes nothing faster.
    """
    found = []
    for probe in probes:
        mine = tally(probe.requests, probe.facts.profile.rate_per_s or 0.0, slo)
        if disturbed(probe, slo) and mine.over > slo.may_miss * mine.requests:
            continue
        found.append(mine)
    return found


def disturbed(probe: Window, slo: Slo) -> bool:
    """Whether the generator or the host may have made requests late, or lost some."""
    lag = probe.requests.lag_ns()
    late = more_than(int((lag > _LAG_SHARE * slo.limit_ns).sum()), len(lag), _LATE_SHARE)
    stolen = (probe.facts.steal_share or 0.0) > STEAL_INVALID
    return late or stolen or bool((probe.requests.error == _LOST).any())


def more_than(hits: int, count: int, share: float) -> bool:
    """Whether more than a share of a count are hits. Of few, whether so many are more than chance
    makes where the share is just that: of five requests, one is the 99th percentile."""
    if count >= _MANY:
        return hits > share * count
    from scipy.special import bdtrc

    return hits > 0 and float(bdtrc(hits - 1, count, share)) < _CHANCE


def tally(requests: Requests, rate_per_s: float, slo: Slo) -> Tally:
    """Count a probe's requests."""
    due = requests.due_ns
    end = int(due[-1]) + 1 if len(due) else 1
    kept = due >= min(SETTLE_LIMITS * slo.limit_ns, int(_SETTLE_MOST * end))
    taken = requests.done_ns - due
    late = ~requests.ok | (taken > slo.limit_ns)
    return Tally(
        rate_per_s=rate_per_s,
        requests=int(kept.sum()),
        over=int(late[kept].sum()),
        failed=int((~requests.ok)[kept].sum()),
        effect=max(
            autocorrelation_time(np.log(np.maximum(taken[kept], 1))),
            autocorrelation_time(late[kept].astype(float)),
        ),
    )


def autocorrelation_time(values: Any) -> float:
    """How many successive values tell as much as one: 1 + 2 x the sum of the autocorrelations, to
    the first pair of lags that is not above zero (Geyer's initial sequence)."""
    values = values - values.mean() if len(values) else values
    power = float(values @ values)
    if len(values) < 4 or power <= 0:
        return 1.0
    spectrum = np.fft.rfft(values, 2 * len(values))
    lags = np.fft.irfft(spectrum * np.conj(spectrum))[: len(values) // 2 * 2] / power
    pairs = lags[0::2] + lags[1::2]
    ends = np.flatnonzero(pairs <= 0)
    return max(1.0, 2 * float(pairs[: ends[0] if len(ends) else None].sum()) - 1)
