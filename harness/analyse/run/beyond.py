"""Percentiles over all requests, failed ones too: what is said where one falls among those.

Percentiles of the answered ones alone flatter: a server that never answers every third request had
a p99 of a few milliseconds. A request that was never answered took longer than any that was; of one
that timed out it is known how long at least.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from harness.analyse.statistics import stats
from harness.stored.records import Window
from harness.windows.samples import ERRORS, Requests

_LATE = [ERRORS.index("timeout"), ERRORS.index("unsent")]  # it was waited for until the time-out


def failed_share(requests: Requests) -> float:
    """The failed share of all requests; 0 if there were none."""
    return float((~requests.ok).mean()) if len(requests) else 0.0


def of_window(window: Window, shares: Mapping[str, float] = stats.PERCENTILES) -> dict[str, str]:
    """The bounds of the percentiles that fall among failed requests, by name."""
    told = ((name, of_share(window, share)) for name, share in shares.items())
    return {name: said for name, said in told if said}


def of_summary(window: Window) -> dict[str, str]:
    """The same of all that `stats.summary_ms` has of all requests."""
    longest = of_the_longest(window)
    return of_window(window) | ({"max": longest} if longest else {})


def of_share(window: Window, share: float) -> str:
    """The bounds of one percentile that falls among failed requests; empty if it does not, or if
    there are too few requests for it anyway."""
    requests = window.requests
    count, answered = len(requests), int(requests.ok.sum())
    place = math.ceil(share * (count - 1) - 1e-9)
    if count < stats.needed(share) or place < answered:
        return ""
    return _said(window, timed_out=place < answered + _late(requests))


def of_the_longest(window: Window) -> str:
    """The bounds of the maximum if requests failed; empty if none did."""
    if window.requests.ok.all():
        return ""
    return _said(window, timed_out=_late(window.requests) > 0)


def _late(requests: Requests) -> int:
    return int(np.isin(requests.error, _LATE).sum())


def _said(window: Window, *, timed_out: bool) -> str:
    timeout_s = window.facts.timeout_s
    if timeout_s is not None and timed_out:
        return f"over {1e3 * timeout_s:g} ms (time-out)"
    return f"unknown: {failed_share(window.requests):.1%} failed"
