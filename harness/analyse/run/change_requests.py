"""The fate of requests while a Deployment changes: pure functions of a window's requests.

Moments are nanoseconds since the window's start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analyse.statistics import stats
from harness.setup.slo import Slo
from harness.windows.samples import ERRORS, MISSING, Requests

# A request that was in flight when something was done was sent no longer before, as far as counts
# of what was lost go: where nothing says when it failed.
_IN_FLIGHT_NS = 1_000_000_000
_UNSENT = ERRORS.index("unsent")
_SHARES = (0.95, 0.9, 0.5)  # taken where there are too few requests for the SLO's own


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideBefore:
    """A percentile of the response time during a change, beside the one before it."""

    name: str  # such as `p99`: the highest up to the SLO's that both have requests enough for
    before_ms: float
    during_ms: float | None  # None: it falls among requests that were never answered

    @property
    def ratio(self) -> float | None:
        """Of the two."""
        if self.during_ms is None or self.before_ms <= 0:
            return None
        return self.during_ms / self.before_ms


def due(requests: Requests, from_ns: int, to_ns: int) -> Any:
    """The mask of the requests that were due in a stretch."""
    return (requests.due_ns >= from_ns) & (requests.due_ns < to_ns)


def late(requests: Requests, wanted: Slo) -> Any:
    """The mask of those that were answered later than the SLO's limit, or still waited to be sent
    when the window ended: all connections were busy."""
    slow = requests.ok & (requests.done_ns - requests.due_ns > wanted.limit_ns)
    return slow | (requests.error == _UNSENT)


def failed(requests: Requests) -> Any:
    """The mask of those that were sent, and not answered rightly."""
    return ~requests.ok & (requests.error != _UNSENT)


def lost(requests: Requests, begun_ns: int) -> Any:
    """The mask of the requests that failed, and were due from a moment on, or in flight then."""
    known = requests.done_ns != MISSING
    in_flight = np.where(
        known, requests.done_ns >= begun_ns, requests.due_ns >= begun_ns - _IN_FLIGHT_NS
    )
    return failed(requests) & ((requests.due_ns >= begun_ns) | in_flight)


def longest_gap_s(requests: Requests, from_ns: int, to_ns: int) -> float | None:
    """The longest time without a right answer in a stretch; None where it has no length."""
    if to_ns <= from_ns:
        return None
    done = requests.done_ns[requests.ok]
    inside = np.sort(done[(done > from_ns) & (done < to_ns)])
    edges = np.concatenate(([from_ns], inside, [to_ns]))
    return float(np.diff(edges).max()) / 1e9


def held_from_ns(requests: Requests, from_ns: int, to_ns: int, wanted: Slo) -> int | None:
    """The earliest moment of a stretch from which on its requests, all of them together, meet the
    SLO; None where no moment with requests enough behind it does.

    So few must be late that the SLO allows them: behind the moment must be so many requests that it
    allows one, 100 for a p99.
    """
    rows = due(requests, from_ns, to_ns)
    order = np.argsort(requests.due_ns[rows], kind="stable")
    moments = requests.due_ns[rows][order]
    broken = failed(requests)[rows][order]
    over = broken | late(requests, wanted)[rows][order]
    left = len(moments) - np.arange(len(moments))
    holds = (_behind(over) <= wanted.may_miss * left + 1e-9) & (
        _behind(broken) <= wanted.errors * left
    )
    found = np.flatnonzero(holds & (left >= fewest(wanted)))
    if not len(found):
        return None
    return from_ns if found[0] == 0 else int(moments[found[0]])


def fewest(wanted: Slo) -> int:
    """So many requests must be left to tell whether they meet the SLO."""
    return math.ceil(1 / wanted.may_miss - 1e-6)


def beside_before(requests: Requests, before: Any, during: Any, wanted: Slo) -> BesideBefore | None:
    """A percentile of two masks of requests; None where one of them has too few for any, or those
    before were not answered."""
    ones = [_waits_ms(requests, rows) for rows in (before, during)]
    for share in (wanted.share, *(each for each in _SHARES if each < wanted.share)):
        if min(map(len, ones)) >= stats.needed(share):
            first, then = (stats.percentile(values, share) for values in ones)
            if first is None:
                return None
            return BesideBefore(name=f"p{100 * share:g}", before_ms=first, during_ms=then)
    return None


def _behind(rows: Any) -> Any:
    """How many of the rows from each on are set."""
    return np.cumsum(rows[::-1])[::-1]


def _waits_ms(requests: Requests, rows: Any) -> Any:
    """Response times; infinite where no right answer came."""
    rows = rows & (requests.due_ns != MISSING)
    taken = np.where(requests.ok, requests.done_ns - requests.due_ns, np.inf)
    return taken[rows] / 1e6
