"""How many workers a server has, and how they share its requests, by when its model is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.search import tallying
from harness.stored.records import Window
from harness.windows.matching import MATCHED
from harness.windows.samples import Calls

_RELATED = 2.0  # times as long a wait as with independent times


def workers(windows: Sequence[Window]) -> int | None:
    """How many workers the windows show; None where their calls leave that open."""
    count = max((most(window.calls) for window in windows), default=1)
    if count == 1:
        return 1
    # With more workers than callers, some workers would never be seen at work.
    full = [
        most(w.calls) == count < (w.facts.profile.concurrency or 0)
        for w in windows
        if w.facts.profile.saturates
    ]
    return count if full and all(full) and all(_plain(window) for window in windows) else None


def most(calls: Calls) -> int:
    """The most calls of a window that ran at the same time; at least 1."""
    ends = np.sort(calls.start_ns + calls.duration_ns)
    ended = np.searchsorted(ends, np.sort(calls.start_ns), side="right")
    return int((np.arange(len(ended)) + 1 - ended).max(initial=1))


def _plain(window: Window) -> bool:
    """Whether each request was one call, whose CPU time is known: else a worker that is slower
    beside others can't be told from a slower machine."""
    calls = window.calls
    single = not (calls.batch > 1).any() and len(calls.batch) * MATCHED <= len(window.requests)
    return single and float(calls.thread_cpu_ns.mean()) > 0


def overtaken_ns(start_ns: Any) -> Any:
    """For how long each request, in order of arrival, still waited after a later one had begun."""
    later = np.append(np.minimum.accumulate(start_ns[::-1])[::-1][1:], np.inf)
    return np.maximum(start_ns - later, 0.0)


def unrelated(calls: Calls) -> bool:
    """Whether the model's times in successive calls are as good as independent of each other.

    Slow calls that come together let a queue grow. In heavy traffic its length is proportional to
    the variability of arrivals plus that of services (Kingman, Mathematical Proceedings of the
    Cambridge Philosophical Society 57, 1961), where the latter is that of sums of services.
    """
    taken = calls.duration_ns[np.argsort(calls.start_ns, kind="stable")].astype(float)
    varied = float(taken.var() / max(taken.mean(), 1.0) ** 2)
    return 1 + tallying.autocorrelation_time(taken) * varied < _RELATED * (1 + varied)
