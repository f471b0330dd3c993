"""The rates that hold an SLO and those that do not, at the SLO of the search and at others.

Every request is stored, so what a search fired can be judged by another limit. Where the server's
queue follows a law, that says the capacity at each of them. Else the probes do, which lie where the
capacity at the SLO of the benchmark is: at another, the answer is often between two rates that are
far apart, "at least" or "below".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from harness.analyse.run import capacity
from harness.queues.placing import NORMAL
from harness.search.search import Estimate
from harness.setup.slo import Slo
from harness.stored.records import Run

# Multiples of the benchmark's own response time limit. Far beyond them no probe was fired.
# Standard deviation between starts of one server, in standard errors of their own windows: in the
# matched track of four runs of `quick` (49 degrees of freedom), and in the tuned track of three of
# them and a run of that track alone (26).
_BY_LAW, _BY_PROBES = 0.65, 1.5
FACTORS = (0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Between which rates, in requests per second, the capacity at an SLO lies.

    Where it was fitted, both are the fitted rate, and `low` and `high` its 95% interval.
    """

    least: float  # the highest that meets it; 0: no tried rate does
    most: float  # the lowest that does not; infinite: every tried rate does
    low: float | None = None
    high: float | None = None
    doubt: float = 0.0  # variance of the logarithm that all rounds of a variant share
    error: float = 0.0  # standard error of the logarithm, by the run's own windows
    by_law: bool = False  # whether the law of the server's queue says so
    confirmed: bool = True  # whether probes near it were late as often as that says

    @property
    def scatter(self) -> float:
        """The standard deviation of the logarithm between starts that campaigns had at such an
        error; 0: not known."""
        return self.error * (_BY_LAW if self.by_law else _BY_PROBES)

    @property
    def exact(self) -> bool:
        """Whether it is a number, not a range."""
        return 0 < self.least == self.most

    @property
    def known(self) -> bool:
        """Whether anything is."""
        return self.least > 0 or self.most < math.inf


def choices(own: Slo) -> tuple[Slo, ...]:
    """The SLOs that a reader may choose from, the strictest first."""
    return tuple(replace(own, limit_ns=int(own.limit_ns * factor)) for factor in FACTORS)


def of_run(run: Run, own: Slo) -> dict[str, Held]:
    """The result of a run at each choice, by the SLO's text."""
    made = {}
    for wanted in choices(own):
        found = capacity.at(run, wanted)
        made[str(wanted)] = replace(
            of_estimate(found.estimate),
            by_law=found.basis == "law" or found.by_law is not None,
            confirmed=found.confirmed,
        )
    return made


def of_estimate(found: Estimate) -> Held:
    """The same for every kind of answer that a search has."""
    if found.rate_per_s is None:
        return Held(least=0.0, most=math.inf if found.high is None else found.high)
    if found.high is None:
        return Held(least=found.rate_per_s, most=math.inf)
    if found.bracketed:
        return Held(least=found.rate_per_s, most=found.high)
    error = 0.0
    if found.low:
        error = math.log(found.high / found.low) / (2 * NORMAL)
    return Held(
        least=found.rate_per_s, most=found.rate_per_s, low=found.low, high=found.high, error=error
    )
