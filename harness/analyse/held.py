"""Which rates hold an SLO and which do not: at the one that was searched for, and at others.

Every request is stored, so what a search fired can be judged by another limit. Its probes lie where
the capacity at the SLO of the benchmark is: at another, the answer is often between two rates that
are far apart, "at least" or "below".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness import probes, search
from harness.analyse import capacity, paired
from harness.analyse.paired import Moments
from harness.records import Run, Window
from harness.search import Estimate
from harness.slo import Slo

# Of the benchmark's own limit on the response time. Much beyond them no probe was fired.
FACTORS = (0.5, 1.0, 2.0, 4.0)
_RANDOM = "poisson"  # the arrivals that a capacity is of; evenly spaced ones are easier to serve


@dataclass(frozen=True, slots=True)
class Held:
    """Between which rates, in requests per second, the capacity at an SLO lies.

    Where it was fitted, both are the fitted rate, and `low` and `high` its 95% interval.
    """

    least: float  # the highest that holds; 0: none that was tried does
    most: float  # the lowest that does not; infinite: none that was tried is too much
    low: float | None = None
    high: float | None = None

    @property
    def known(self) -> bool:
        """Whether anything is."""
        return self.least > 0 or self.most < math.inf


def choices(own: Slo) -> tuple[Slo, ...]:
    """The SLOs that a reader may choose from, the strictest first."""
    return tuple(replace(own, limit_ns=int(own.limit_ns * factor)) for factor in FACTORS)


def of_run(run: Run, own: Slo) -> dict[str, Held]:
    """What a run shows of each choice, by the SLO's text.

    At the SLO that was searched for, by the probes alone: that is its capacity. At the others by
    the windows of random arrivals too.
    """
    found, searched = {}, capacity.of_run(run)
    windows = [window for window in run.windows if window.facts.profile.shape == _RANDOM]
    for wanted in choices(own):
        if searched is not None and wanted == searched.slo:
            estimate = searched.estimate
        else:
            estimate = _estimate([*run.probes, *windows], wanted)
        found[str(wanted)] = of_estimate(estimate)
    return found


def of_estimate(found: Estimate) -> Held:
    """The same for every kind of answer that a search has."""
    if found.rate_per_s is None:
        return Held(0.0, math.inf if found.high is None else found.high)
    if found.high is None:
        return Held(found.rate_per_s, math.inf)
    if found.bracketed:
        return Held(found.rate_per_s, found.high)
    return Held(found.rate_per_s, found.rate_per_s, found.low, found.high)


def apart(
    ours: Mapping[int, Held], theirs: Mapping[int, Held], moments: Moments | None = None
) -> bool:
    """Whether two are told apart by their paired ratio, round by round (the keys).

    A rate that is only bounded is taken at its worst: the lower one's highest, the other's lowest.
    """
    swapped = None if moments is None else {r: (b, a) for r, (a, b) in moments.items()}
    return _above(ours, theirs, moments) or _above(theirs, ours, swapped)


def _above(ours: Mapping[int, Held], theirs: Mapping[int, Held], moments: Moments | None) -> bool:
    rounds = [r for r in ours.keys() & theirs.keys() if ours[r].known and theirs[r].known]
    if any(ours[r].least <= 0 or theirs[r].most == math.inf for r in rounds):
        return False
    least, most = {r: ours[r].least for r in rounds}, {r: theirs[r].most for r in rounds}
    found = paired.of_values(least, most, moments)
    return found is not None and found.apart and found.low > 1


def _estimate(windows: Sequence[Window], wanted: Slo) -> Estimate:
    return search.estimate(probes.counted(windows, wanted), wanted)
