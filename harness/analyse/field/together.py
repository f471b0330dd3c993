"""The capacities of a campaign, read with what all of its servers say together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.analyse.field import pooling
from harness.analyse.field.pooling import Pooled
from harness.analyse.run import capacity, held
from harness.analyse.run.capacity import Basis, Late
from harness.analyse.run.digested import Digest
from harness.analyse.run.held import Held
from harness.analyse.statistics import resampling
from harness.queues import queueing
from harness.queues.batch_law import BatchLaw
from harness.queues.law import Law
from harness.queues.placing import NORMAL
from harness.queues.queueing import Queue
from harness.search.search import Estimate
from harness.setup import slo
from harness.setup.slo import Slo
from harness.stored.identity import Key
from harness.stored.records import Campaign


def pooled(digests: Sequence[Digest], campaign: Campaign) -> tuple[Digest, ...]:
    """The digests of a campaign, with the capacities of those whose queue follows a law."""
    known = {
        benchmark: pooling.of(*_queues(d for d in digests if d.cell.benchmark_name == benchmark))
        for benchmark in campaign.benchmarks
    }
    late, offs = _late(digests), _offs(digests)
    return tuple(
        _by_probes(digest)
        if (seen := late.get(digest.cell.key, Late())).refutes
        else _read(
            digest,
            known,
            campaign,
            confirmed=seen.confirms,
            off=None if seen.confirms else offs.get(digest.cell.key),
        )
        for digest in digests
    )


def _late(digests: Sequence[Digest]) -> dict[Key, Late]:
    """The late requests of each variant on each benchmark, over all rounds."""
    late: dict[Key, Late] = {}
    for digest in digests:
        if digest.found is not None and not digest.invalid:
            key = digest.cell.key
            late[key] = late.get(key, Late()) + digest.found.late
    return late


def _offs(digests: Sequence[Digest]) -> dict[Key, tuple[float, float]]:
    """By what logarithm the capacity of each variant's law is off, as the probes of all rounds say
    together, and its standard error."""
    seen: dict[Key, list[tuple[float, float]]] = {}
    for digest in digests:
        found = digest.found
        if found is None or digest.invalid or found.by_law is None or found.placed is None:
            continue
        placed, law_per_s = found.placed, found.by_law.rate_per_s
        if placed.rate_per_s and placed.low and placed.high and law_per_s:
            error = math.log(placed.high / placed.low) / (2 * NORMAL)
            off = math.log(placed.rate_per_s / law_per_s)
            seen.setdefault(digest.cell.key, []).append((off, error))
    # Each was weighed with what is known without any probe, which counts once.
    beforehand = capacity.LAW_DOUBT**-2
    known = {key: _weighed(found, beforehand) for key, found in seen.items()}
    most = math.log(capacity.TOLD) / (2 * NORMAL)
    return {key: (off, error) for key, (off, error) in known.items() if error < most}


def _weighed(seen: Sequence[tuple[float, float]], beforehand: float) -> tuple[float, float]:
    told = beforehand + sum(max(error**-2 - beforehand, 0.0) for _, error in seen)
    return sum(off * error**-2 for off, error in seen) / told, told**-0.5


def _by_probes(digest: Digest) -> Digest:
    """With the capacity that its probes say by themselves, at the SLO that was searched for."""
    found = digest.found
    if found is None or found.probed is None:
        return digest
    estimate = found.probed
    return replace(
        digest,
        found=replace(found, estimate=estimate, basis="probes", confirmed=True),
        held={**digest.held, str(found.slo): held.of_estimate(estimate)},
        values={**digest.values, "capacity": capacity.number(estimate)},
        replicates={
            **{name: drawn for name, drawn in digest.replicates.items() if name != "capacity"},
            **resampling.of_estimate(estimate),
        },
    )


def _queues(digests: Iterable[Digest]) -> tuple[dict[str, list[Queue]], dict[str, str]]:
    """(each variant's queues, its model's backend)."""
    queues: dict[str, list[Queue]] = {}
    backends: dict[str, str] = {}
    for digest in digests:
        if digest.queue is not None and not digest.invalid:
            queues.setdefault(digest.cell.variant_name, []).append(digest.queue)
            server, own = digest.facts.server, digest.cell.subject
            model = (server.backend, server.device, server.launcher, own.launcher, own.revision)
            backends[digest.cell.variant_name] = " ".join(part or "" for part in model)
    return queues, backends


def _read(
    digest: Digest,
    known: dict[str, dict[str, Pooled]],
    campaign: Campaign,
    *,
    confirmed: bool,
    off: tuple[float, float] | None,
) -> Digest:
    """With the capacities that its law gives at the campaign's speed; `confirmed` by the late
    requests of all rounds, at the SLO that was searched for, or `off` by a factor that they
    tell."""
    found = known.get(digest.cell.benchmark_name, {}).get(digest.cell.variant_name)
    if digest.queue is None or found is None:
        return digest
    own = slo.parse(campaign.benchmarks[digest.cell.benchmark_name].slo)
    known_law = found.law(digest.queue)
    errors = (min(digest.queue.law_error, 1.0), found.deviation)
    read = {
        str(wanted): _at(known_law, errors, wanted, digest.held[str(wanted)])
        for wanted in held.choices(own)
    }
    digest = replace(digest, held=read)
    searched = read.get(str(digest.found.slo)) if digest.found is not None else None
    if digest.found is None or searched is None or not searched.by_law:
        return digest
    confirmed = confirmed or off is not None
    if off is not None:
        searched = _shifted(searched, *off)
    elif not confirmed:
        searched = _unsure(searched)
    estimate = Estimate(searched.least, searched.low, searched.high)
    searched = replace(searched, confirmed=confirmed)
    basis: Basis = "law" if off is None else "both"
    return replace(
        digest,
        found=replace(digest.found, estimate=estimate, confirmed=confirmed, basis=basis),
        held={**read, str(digest.found.slo): searched},
        values={**digest.values, "capacity": searched.least},
        replicates={**digest.replicates, **resampling.of_estimate(estimate)},
    )


def _unsure(known: Held) -> Held:
    """A rate by a law that nothing confirms."""
    estimate = capacity.unsure(Estimate(known.least, known.low, known.high))
    doubt = known.doubt + (math.log(capacity.OFF) / NORMAL) ** 2
    return replace(known, low=estimate.low, high=estimate.high, doubt=doubt)


def _shifted(known: Held, off: float, error: float) -> Held:
    """A rate by a law that is off by a factor."""
    return _rated(known, known.least * math.exp(off), known.doubt + error**2, known.error)


def _rated(known: Held, rate_per_s: float, doubt: float, error: float) -> Held:
    """A rate that is a number, with the variance that all rounds share and its own error."""
    spread = math.exp(min(NORMAL * math.hypot(math.sqrt(doubt), error), 5.0))
    return replace(
        known,
        least=rate_per_s,
        most=rate_per_s,
        low=rate_per_s / spread,
        high=rate_per_s * spread,
        doubt=doubt,
        error=error,
    )


def _at(read: Law | BatchLaw, errors: tuple[float, float], wanted: Slo, alone: Held) -> Held:
    """The rate held at an SLO; the run's own estimate if the law of its queue does not apply.

    `errors` are standard errors of the logarithm of the time for which a request occupies the
    server: of this run's own, and of what all rounds share.
    """
    rate = read.capacity(wanted) if alone.by_law else 0.0
    if rate <= 0:
        return alone
    steep = queueing.sensitivity(read, wanted)
    own, shared = errors
    return _rated(alone, rate, (steep * shared) ** 2, steep * own)
