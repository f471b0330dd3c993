"""The capacity that a run shows; `capacity_words` puts it into sentences.

The law of the server's queue gives the rate, and the probes near it say whether it is so: whether
as many of their requests are late as the law says. Where they are not, and where a server's queue
has no such law, the rate is the one at which the probes' own shares cross what the SLO allows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from weakref import WeakKeyDictionary

from harness.analyse.run import beyond
from harness.analyse.statistics import stats
from harness.queues import placing, queueing
from harness.queues.batch_law import BatchLaw
from harness.queues.law import Law
from harness.queues.queueing import Queue
from harness.search import search, tallying
from harness.search.search import Estimate, Ruling
from harness.search.tallying import Tally
from harness.setup import slo
from harness.setup.slo import Slo
from harness.stored.records import Run, Window
from harness.windows import causes
from harness.windows.kinds import WindowKind

Basis = Literal["law", "both", "probes"]  # both: the law's shape, placed by the probes
_AROUND = 1.25  # probes at rates no further than this factor from a capacity are near it
# Standard deviation of the logarithm of what a law is off by that its probes do not confirm.
LAW_DOUBT = 0.08
TOLD = 1.25  # high/low of an interval within which the probes tell that better than no probe would
OFF = 1.2  # a law whose capacity is off by no more than this factor is not refuted
_CHANCE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeStep:
    """One probe of a search's path."""

    rate_per_s: float
    requests: int
    over: int  # failed, or slower than the SLO's limit
    percentile_ms: float | None  # the SLO's; None where it falls among those that failed
    beyond: str  # what is known of it then; else empty
    ruling: Ruling
    disturbed: bool
    failed: str = ""  # how many, and why


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """Requests of probes near a capacity that were late, beside what its law makes of them: all as
    so many that are independent of each other."""

    requests: float = 0.0
    late: float = 0.0
    at_most: float = 0.0  # that would be late, were the capacity a fifth lower
    at_least: float = 0.0  # were it a fifth higher
    as_said: float = 0.0  # as the law says

    def __add__(self, other: Late) -> Late:
        return Late(
            requests=self.requests + other.requests,
            late=self.late + other.late,
            at_most=self.at_most + other.at_most,
            at_least=self.at_least + other.at_least,
            as_said=self.as_said + other.as_said,
        )

    @property
    def refutes(self) -> bool:
        """Whether more were late, or fewer, than chance makes even so."""
        return self._more_than(self.at_most) or self._fewer_than(self.at_least)

    @property
    def confirms(self) -> bool:
        """Whether as many were late as the law says, as far as chance goes."""
        if self.requests < 1:
            return False
        return not (self._more_than(self.as_said) or self._fewer_than(self.as_said))

    def _more_than(self, expected: float) -> bool:
        from scipy.stats import binom

        share = min(max(expected / max(self.requests, 1.0), 1e-9), 1.0)
        beyond = binom.sf(math.ceil(self.late) - 1, round(self.requests), share)
        return self.requests >= 1 and float(beyond) < _CHANCE

    def _fewer_than(self, expected: float) -> bool:
        from scipy.stats import binom

        share = min(max(expected / max(self.requests, 1.0), 1e-9), 1.0)
        below = binom.cdf(math.floor(self.late), round(self.requests), share)
        return self.requests >= 1 and float(below) < _CHANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A search's answer and its path, in order."""

    slo: Slo
    estimate: Estimate
    steps: tuple[ProbeStep, ...]
    basis: Basis = "probes"
    confirmed: bool = True  # whether probes near a law's capacity were late as often as it says
    late: Late = Late()  # of probes near a capacity by the law
    probed: Estimate | None = None  # what the probes say by themselves
    placed: Estimate | None = None  # what they say with the shape of the law
    by_law: Estimate | None = None  # what a law says by itself that they have placed
    ended: str = ""  # why the search ended before it was done; else empty


# A metric, a finding and the digest of one run ask for the same.
_QUEUES: WeakKeyDictionary[Run, Queue | None] = WeakKeyDictionary()
_LOADED: WeakKeyDictionary[Run, Law | BatchLaw] = WeakKeyDictionary()
_FOUND: WeakKeyDictionary[Run, dict[Slo, Found]] = WeakKeyDictionary()


def of_probes(windows: Sequence[Window], wanted: Slo, ended: str = "") -> Found:
    """The answer that a search's probes give by themselves."""
    steps = []
    for window in windows:
        tally = tallying.tally(window.requests, window.facts.profile.rate_per_s or 0.0, wanted)
        response_ms = window.requests.waits_ns() / 1e6
        steps.append(
            ProbeStep(
                rate_per_s=tally.rate_per_s,
                requests=tally.requests,
                over=tally.over,
                percentile_ms=stats.percentile(response_ms, wanted.share),
                beyond=beyond.of_share(window, wanted.share),
                ruling=search.ruling([tally], wanted),
                disturbed=tallying.disturbed(window, wanted),
                failed=causes.told(window.requests.kinds(), window.facts.causes),
            )
        )
    estimate = search.estimate(tallying.counted(windows, wanted), wanted)
    return Found(slo=wanted, estimate=estimate, steps=tuple(steps), ended=ended)


def queue(run: Run) -> Queue | None:
    """The law of a run's queue; None where its server has none."""
    if run not in _QUEUES:
        _QUEUES[run] = None
        if run.facts.search is not None and not run.facts.server.stores:
            own = slo.parse(run.facts.search.slo)
            _QUEUES[run] = queueing.of_windows(
                run.of(WindowKind.PROFILE, WindowKind.PROBE), run.audit, own
            )
    return _QUEUES[run]


def of_run(run: Run) -> Found | None:
    """The result of a run's search; None if there was none."""
    if run.facts.search is None or not (run.probes or run.facts.search.ended or queue(run)):
        return None
    return at(run, slo.parse(run.facts.search.slo))


def at(run: Run, wanted: Slo) -> Found:
    """The result for any SLO, at the speed that the model had in the run.

    By the probes alone where the SLO is the one that was searched for, else by the run's own
    windows of random arrivals too.
    """
    known = _FOUND.setdefault(run, {})
    if wanted not in known:
        own = run.facts.search is not None and wanted == slo.parse(run.facts.search.slo)
        windows = [w for w in run.profiles if w.facts.profile.shape == "poisson" and not own]
        ended = run.facts.search.ended if run.facts.search is not None and own else ""
        by_probes = of_probes([*run.probes, *windows], wanted, ended)
        found = queue(run)
        told = by_probes if found is None else _by_law(run, found, by_probes)
        known[wanted] = _by_shape(run, by_probes) if found is None and own else told
    return known[wanted]


def number(found: Estimate) -> float | None:
    """An estimate as a metric has it: 0 if no tried rate meets the SLO."""
    return None if found == Estimate(None, None, None) else found.rate_per_s or 0.0


def _by_law(run: Run, found: Queue, by_probes: Found) -> Found:
    wanted, loaded = by_probes.slo, _LOADED.setdefault(run, found.under_load())
    estimate = queueing.by_law(loaded, found.loaded_error, wanted)
    if estimate.rate_per_s is None:
        if by_probes.estimate != Estimate(None, None, None):
            return by_probes
        lowest = min((step.rate_per_s for step in by_probes.steps), default=None)
        return replace(by_probes, estimate=Estimate(None, None, lowest), basis="law")
    windows = [w for w in run.profiles if w.facts.profile.shape == "poisson"]
    tallies = tallying.counted([*run.probes, *windows], wanted)
    batches = isinstance(loaded, BatchLaw)
    placed = placing.placed(loaded, tallies, wanted, placing.OFF if batches else LAW_DOUBT)
    by_both = replace(by_probes, basis="both", probed=by_probes.estimate)
    if batches and placed is not None and placed.rate_per_s:
        if _refuted_afar(tallies, placed.rate_per_s, wanted):
            return by_probes
        return replace(by_both, estimate=placed, placed=placed, confirmed=_tells(placed))
    by_both = replace(by_both, placed=placed, by_law=estimate)
    near = [t for t in tallies if 1 / _AROUND <= t.rate_per_s / estimate.rate_per_s <= _AROUND]
    late = _late(near, loaded, wanted)
    if late.refutes or _refuted_afar(tallies, estimate.rate_per_s, wanted):
        return by_probes
    if not late.confirms and placed is not None and _tells(placed, TOLD):
        return replace(by_both, estimate=placed, late=late)
    if not late.confirms:
        estimate = unsure(estimate)
    return replace(by_both, estimate=estimate, basis="law", confirmed=late.confirms, late=late)


def _by_shape(run: Run, by_probes: Found) -> Found:
    """Where the probes leave it unsure between two rates: with the shape of a queue as fast as the
    server was while it was saturated."""
    shape = None if run.facts.server.stores else queueing.in_turn(run.profiles, run.audit)
    probed = by_probes.estimate
    bounded = probed.rate_per_s is not None and probed.high is not None
    if shape is None or probed.well_known or not bounded:
        return by_probes
    windows = [w for w in run.profiles if w.facts.profile.shape == "poisson"]
    tallies = tallying.counted([*run.probes, *windows], by_probes.slo)
    placed = placing.placed(shape, tallies, by_probes.slo)
    if placed is None or not _tells(placed):
        return by_probes
    return replace(by_probes, estimate=placed, basis="both", probed=probed, placed=placed)


def _tells(placed: Estimate, within: float = OFF**2) -> bool:
    """Whether the probes tell a capacity within so much (high/low): better than what none of them
    would notice, say."""
    return placed.low is not None and (placed.high or math.inf) < within * placed.low


def unsure(found: Estimate) -> Estimate:
    """A capacity by a law that nothing confirms: as far off as no probe would notice."""
    if found.rate_per_s is None or found.low is None or found.high is None:
        return found
    rate = found.rate_per_s
    return Estimate(rate, min(found.low, rate / OFF), max(found.high, rate * OFF))


def _late(near: Sequence[Tally], found: Law | BatchLaw, wanted: Slo) -> Late:
    """The late requests of all probes near a capacity. The probes share one effect: by its own, a
    probe with a burst of late requests would count the least."""
    if not near:
        return Late()
    requests = sum(t.requests for t in near)
    effect = sum(t.requests * t.effect for t in near) / max(requests, 1)
    shares = [
        sum(t.requests * found.share_over(t.rate_per_s * off, wanted.limit_ns) for t in near)
        for off in (OFF, 1 / OFF, 1.0)
    ]
    late = sum(t.over for t in near)
    at_most, at_least, as_said = (share / effect for share in shares)
    return Late(
        requests=requests / effect,
        late=late / effect,
        at_most=at_most,
        at_least=at_least,
        as_said=as_said,
    )


def _refuted_afar(tallies: Sequence[Tally], rate_per_s: float, wanted: Slo) -> bool:
    """Whether a probe well below the rate surely breaks the SLO, or one well above surely holds."""
    rulings = [(t.rate_per_s / rate_per_s, search.ruling([t], wanted)) for t in tallies]
    return any(
        (at < 1 / _AROUND and said == "broken") or (at > _AROUND and said == "holds")
        for at, said in rulings
    )
