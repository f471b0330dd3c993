"""The capacities of a campaign, read with what all of its servers say together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.analyse.field import pooling
from harness.analyse.field.pooling import Pooled
from harness.analyse.run import capacity, held
from harness.analyse.run.capacity import Late
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
    late = _late(digests)
    return tuple(
        _by_probes(digest)
        if (seen := late.get(digest.cell.key, Late())).refutes
        else _read(digest, known, campaign, confirmed=seen.confirms)
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
) -> Digest:
    """With the capacities that its law gives at the campaign's speed; `confirmed` by the late
    requests of all rounds, at the SLO that was searched for."""
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
    estimate = Estimate(searched.least, searched.low, searched.high)
    if not confirmed and digest.found.placed is not None:
        return _placed(digest, digest.found.placed)
    if not confirmed:
        estimate = capacity.unsure(estimate)
        doubt = searched.doubt + (math.log(capacity.OFF) / NORMAL) ** 2
        searched = replace(searched, low=estimate.low, high=estimate.high, doubt=doubt)
    searched = replace(searched, confirmed=confirmed)
    return replace(
        digest,
        found=replace(digest.found, estimate=estimate, confirmed=confirmed),
        held={**read, str(digest.found.slo): searched},
        values={**digest.values, "capacity": searched.least},
        replicates={**digest.replicates, **resampling.of_estimate(estimate)},
    )


def _placed(digest: Digest, estimate: Estimate) -> Digest:
    """With the capacities that the probes give with the shape of its law."""
    assert digest.found is not None  # it has been placed
    read = {
        name: each if each.placed is None else replace(held.of_estimate(each.placed), by_law=False)
        for name, each in digest.held.items()
    }
    return replace(
        digest,
        found=replace(digest.found, estimate=estimate, basis="both", confirmed=True),
        held=read,
        values={**digest.values, "capacity": capacity.number(estimate)},
        replicates={**digest.replicates, **resampling.of_estimate(estimate)},
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
    spread = math.exp(min(NORMAL * steep * math.hypot(own, shared), 5.0))
    return replace(
        alone,
        least=rate,
        most=rate,
        low=rate / spread,
        high=rate * spread,
        doubt=(steep * shared) ** 2,
        error=steep * own,
    )
