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
    """Of all requests; 0 where there was none."""
    return float((~requests.ok).mean()) if len(requests) else 0.0


def of_window(window: Window, shares: Mapping[str, float] = stats.PERCENTILES) -> dict[str, str]:
    """What is known of the percentiles that fall among failed requests, by name."""
    told = ((name, of_share(window, share)) for name, share in shares.items())
    return {name: said for name, said in told if said}


def of_share(window: Window, share: float) -> str:
    """What is known of one percentile that falls among failed requests; empty where it does not,
    and where there are too few requests for it anyway."""
    requests, timeout_s = window.requests, window.facts.timeout_s
    count, answered = len(requests), int(requests.ok.sum())
    place = math.ceil(share * (count - 1) - 1e-9)
    if count < stats.needed(share) or place < answered:
        return ""
    late = int(np.isin(requests.error, _LATE).sum())
    if timeout_s is not None and place < answered + late:
        return f"over {1e3 * timeout_s:g} ms (time-out)"
    return f"unknown: {1 - answered / count:.1%} failed"
