"""The capacity that probes give, read with the shape of a queue's law.

A law says how fast the share of late requests grows with the rate; what it may be off by is one
factor, by which the server takes more or fewer requests than it says. The probes around the
capacity tell that factor: how many of their requests were late, whichever their rates. A law that
knows no more than a mean of the time for which a batch occupies the server is off by 15 % in the
mean: what varies around the mean makes requests late, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.queues.batch_law import BatchLaw
from harness.queues.law import Law
from harness.search.search import Estimate
from harness.search.tallying import Tally
from harness.setup.slo import Slo

AROUND = 1.6  # probes at rates further from the capacity than this factor say little of it
NORMAL = 1.96  # standard errors of an interval of 95%
OFF = 0.2  # standard deviation of the logarithm of the factor, before any probe
_OFFS = np.linspace(-0.6, 0.6, 121)
_RATES = np.linspace(-1.1, 1.1, 45)  # logarithms, from the law's capacity
# A stall of the host makes a request late at any rate, and one that is in time comes at any, too.
_LEAST_SHARE, _MOST_SHARE = 1e-4, 1 - 1e-3


def placed(
    found: Law | BatchLaw, tallies: Sequence[Tally], wanted: Slo, doubt: float = OFF
) -> Estimate | None:
    """The capacity by a law's shape and the probes around it; None where there are none, or the
    law knows no capacity. `doubt` is the standard deviation of the logarithm of the factor before
    any probe."""
    law_per_s = found.capacity(wanted)
    if law_per_s <= 0:
        return None
    near = [t for t in tallies if t.requests and 1 / AROUND < t.rate_per_s / law_per_s < AROUND]
    if not near:
        return None
    odds = _log_odds(found, law_per_s, wanted)
    requests = np.array([t.requests for t in near], dtype=float)
    late = np.array([t.over for t in near], dtype=float)
    at = np.log([t.rate_per_s / law_per_s for t in near])
    # The probes share one effect: by its own, one with a burst of late requests would count least.
    effect = float(np.average([t.effect for t in near], weights=requests))
    share = 1 / (1 + np.exp(-np.interp(at[None, :] - _OFFS[:, None], _RATES, odds)))
    likely = (late * np.log(share) + (requests - late) * np.log1p(-share)).sum(axis=1) / effect
    seen = np.clip(late / requests, 1e-9, 1 - 1e-9)
    whole = float((late * np.log(seen) + (requests - late) * np.log1p(-seen)).sum()) / effect
    # What the probes differ by beyond chance makes all of them less sure (quasi-likelihood).
    beyond = 2 * (whole - float(likely.max())) / max(len(near) - 1, 1)
    likely = likely / max(beyond, 1.0) - _OFFS**2 / (2 * doubt**2)
    weight = np.exp(likely - likely.max())
    off = float(np.average(_OFFS, weights=weight))
    error = math.sqrt(float(np.average((_OFFS - off) ** 2, weights=weight)))
    rate, spread = law_per_s * math.exp(off), math.exp(NORMAL * error)
    return Estimate(rate, rate / spread, rate * spread)


def _log_odds(found: Law | BatchLaw, law_per_s: float, wanted: Slo) -> Any:
    """The log odds of a late request at each of _RATES, by the law."""
    shares = [found.share_over(law_per_s * math.exp(rate), wanted.limit_ns) for rate in _RATES]
    known = np.maximum.accumulate(np.clip(shares, _LEAST_SHARE, _MOST_SHARE))
    return np.log(known / (1 - known))
