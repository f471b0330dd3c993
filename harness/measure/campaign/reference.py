"""The preparation of a campaign before its first cell: right answers, and the host's capacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.base.errors import AnswerError, HarnessError, UsageError
from harness.measure.campaign import expectations, starting, unseen
from harness.measure.campaign.bench import Bench, Later
from harness.measure.campaign.tools import Tools
from harness.measure.campaign.unseen import Unseen
from harness.measure.campaign.wanted import NOTHING, Beyond
from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launched
from harness.measure.prepare import artefacts, environments
from harness.measure.prepare.artefacts import Artefact
from harness.setup import canaries, catalog, recorded
from harness.setup.catalog import Benchmark, Variant
from harness.setup.endpoints import REFERENCE
from harness.setup.tables import PresetTable
from harness.stored import plan
from harness.stored.hosts import HostProof
from harness.windows import audit
from harness.windows.profiles import Profile

_PROOF_CALLERS = 32
_PROOF_RATE_PER_S = 1000.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A benchmark made ready, and what was learnt of it."""

    bench: Bench
    facts: dict[str, Any]
    capacity_per_s: float


def prepare(
    benchmark: Benchmark,
    variants: dict[str, Variant],
    tools: Tools,
    preset: PresetTable,
    wanted: Beyond = NOTHING,
) -> Prepared:
    """Build the artefact, ask the reference every payload, and measure its capacity.

    Where the preset audits, each round gets unseen payloads of its own.

    Raises HarnessError where any of it fails: without a reference no variant of ours can be
    verified. A benchmark without a predictor is for endpoints, which bring their answers along.
    """
    if not benchmark.has_reference:
        return _without(benchmark, tools, preset)
    variant = _predictor(variants)
    made = artefact(benchmark, variants)
    bench = _bench(benchmark, made.folder, preset)
    with tools.folder() as scratch:
        stages = stages_of(variant, bench, tools, 1, scratch)
        use = partial(_learn, stages, preset, wanted)
        expected, capacity, found = starting.started(stages, use)
    bench = replace(
        bench,
        expected=tuple(expected),
        audit_s=preset.audit_s,
        unseen=tuple(payload for payload, _ in found.audits),
        unseen_expected=tuple(answer for _, answer in found.audits),
        fresh=found.fresh,
        fresh_expected=found.fresh_answers,
    )
    if wanted.replaced_on(benchmark):
        served = wanted.replaced
        bench = replace(bench, later=_later(bench, variants, tools, wanted.later_version, served))
    versions = wanted.trained_on(benchmark, made.folder)
    trained = tuple(_later(bench, variants, tools, version) for version in versions)
    bench = replace(bench, trained=trained)
    return Prepared(bench, made.facts, capacity)


def _learn(
    stages: Stages, preset: PresetTable, wanted: Beyond, launched: Launched
) -> tuple[list[Any], float, Unseen]:
    """(the right answers, the capacity in process, payloads that no server has seen)."""
    expected, capacity = _ask(stages, launched, preset.proof_s)
    benchmark, audits, fresh = stages.bench.benchmark, 0, 0
    if benchmark.together == 1:
        profiles = plan.absolute(benchmark, preset, capacity) if wanted.windows else ()
        audits = wanted.rounds * audit.PER_ROUND if preset.audit_s else 0
        fresh = unseen.needed(profiles)
    return expected, capacity, unseen.ask(stages, launched, audits, fresh)


def _later(
    bench: Bench,
    variants: dict[str, Variant],
    tools: Tools,
    version: int,
    served_by: tuple[str, ...] = (),
) -> Later:
    """Another version of the model, asked what the first one was asked."""
    made = artefact(bench.benchmark, variants, version)
    # Its server knows nothing of unseen payloads: their answers are asked for beside the others.
    alone = replace(bench, artefact=made.folder, expected=(), unseen=(), fresh=(), later=None)
    with tools.folder() as scratch:
        stages = stages_of(_predictor(variants), alone, tools, 1, scratch)
        later = bench.known[len(bench.payloads) : len(bench.answers)]
        answers, more = starting.started(
            stages,
            lambda launched: (
                _collected(stages, launched),
                unseen.again(stages, launched, later),
            ),
        )
    return Later(
        version=version,
        artefact=made.folder,
        expected=(*answers, *more),
        variants=served_by,
    )


def learnt(found: Prepared, preset: PresetTable) -> str:
    """The facts about a prepared benchmark, in words."""
    if not found.bench.benchmark.has_reference:
        return "it has no predictor: only endpoints are measured"
    accuracy = found.facts.get("accuracy")
    shown = "" if accuracy is None else f", held-out accuracy {accuracy:.3f}"
    if preset.audit_s and not found.bench.unseen:
        shown += "; no audit: its payloads can't be varied into unseen ones"
    return f"{found.capacity_per_s:.0f}/s in process{shown}"


def _predictor(variants: Mapping[str, Variant]) -> Variant:
    """The variant that calls the predictor itself. Raises UsageError where there is none."""
    variant = canaries.predictor(variants)
    if variant is None:
        raise UsageError(
            "No server.toml has a variant with 'inside', which gives the right answers."
        )
    return variant


def _without(benchmark: Benchmark, tools: Tools, preset: PresetTable) -> Prepared:
    return Prepared(_bench(benchmark, tools.scratch, preset), {}, 0.0)


def _bench(benchmark: Benchmark, artefact: Path, preset: PresetTable) -> Bench:
    """The facts known before the reference is asked."""
    return Bench(
        benchmark=benchmark,
        artefact=artefact,
        payloads=tuple(benchmark.payloads()),
        expected=(),
        warm_up_s=preset.warm_up_s,
        verify_share=preset.verify_share,
        scrape_every_s=preset.scrape_every_s,
    )


def artefact(benchmark: Benchmark, variants: Mapping[str, Variant], version: int = 1) -> Artefact:
    """A version of a benchmark's model, built by the reference's environment if need be."""
    variant = _predictor(variants)
    return artefacts.ensure(benchmark, environments.for_variant(variant, benchmark), version)


def _own(variant: Variant, bench: Bench) -> Bench:
    """The benchmark as it is where the variant is from: another revision's model and predictor,
    judged by our answers."""
    if variant.checkout is None:
        return bench
    benchmark = variant.own(bench.benchmark)
    made = artefact(benchmark, catalog.variants(variant.checkout.servers))
    return replace(bench, benchmark=benchmark, artefact=made.folder)


def _judged(variant: Variant, bench: Bench) -> Bench:
    """With the answers that an endpoint is judged by, where they are not the predictor's."""
    endpoint = variant.endpoint
    if not variant.table.replace_path:  # versions that it names are none of ours
        bench = replace(bench, later=None)
    if endpoint is None or endpoint.judged_by == REFERENCE:
        return bench
    known = variant.recorded
    right = () if known is None else recorded.answers(known, bench.payloads, bench.benchmark.name)
    return replace(
        bench,
        expected=right,
        unseen=(),
        unseen_expected=(),
        fresh=(),
        fresh_expected=(),
    )


def stages_of(
    variant: Variant,
    bench: Bench,
    tools: Tools,
    round_number: int,
    scratch: Path,
    kind: type[Stages] = Stages,
) -> Stages:
    """The stages of a cell with a campaign's tools; what it runs on is made if need be.

    Raises ProvisionError.
    """
    bench = _judged(variant, _own(variant, bench))
    launcher, device = tools.launcher_of(variant), variant.device_for(tools.device)
    return kind(
        variant,
        bench,
        launcher.provide(variant, bench.benchmark, bench.artefact, device),
        launcher,
        tools.generator,
        tools.server_cpus,
        device,
        round_number,
        scratch,
    )


def prove(
    benchmark: Benchmark, variants: dict[str, Variant], tools: Tools, seconds: float
) -> HostProof:
    """The generator's ceiling and send lag on this host, `seconds` for each, against the null
    server."""
    variant = canaries.null(variants)
    if variant is None:
        raise UsageError(
            "No server.toml has a variant with 'reference', which the generator is tested against."
        )
    bench = Bench(
        benchmark=benchmark,
        artefact=tools.scratch,
        payloads=tuple(benchmark.payloads()),
        expected=(),
        warm_up_s=0,
        verify_share=1.0,
    )
    closed = Profile("ceiling", "closed", seconds, concurrency=_PROOF_CALLERS)
    poisson = Profile("lag", "poisson", seconds, rate_per_s=_PROOF_RATE_PER_S)
    with tools.folder() as scratch:
        stages = stages_of(variant, bench, tools, 1, scratch)
        ceiling, lag = starting.started(
            stages,
            lambda launched: (
                stages.load(launched, closed),
                stages.load(launched, poisson),
            ),
        )
    if not (ceiling.facts.is_whole and lag.facts.is_whole):
        raise HarnessError("A generator process was lost, so the generator's ceiling is not known.")
    rate = ceiling.requests.throughput(ceiling.facts.elapsed_s)
    p50, p99 = np.percentile(lag.requests.lag_ns() / 1e3, [50, 99])
    return HostProof(
        ceiling_per_s=rate,
        lag_p50_us=float(p50),
        lag_p99_us=float(p99),
        rate_per_s=_PROOF_RATE_PER_S,
    )


def _ask(stages: Stages, launched: Launched, seconds: float) -> tuple[list[Any], float]:
    """(the reference's prediction for each payload, calls per second of one caller)."""
    expected = _collected(stages, launched)
    window = stages.load(launched, Profile("capacity", "closed", seconds, concurrency=1))
    return expected, window.requests.throughput(window.facts.elapsed_s)


def _collected(stages: Stages, launched: Launched) -> list[Any]:
    """The reference's prediction for each payload. Raises AnswerError."""
    answers = stages.collect(launched)
    protocol = stages.variant.spoken()
    predictor = str(stages.bench.benchmark.predictor(stages.variant.table.backend))
    expected = expectations.of(answers, protocol, predictor)
    if len(expected) != len(stages.bench.payloads):
        raise AnswerError(
            f"The reference answered {len(expected)} of {len(stages.bench.payloads)} payloads."
        )
    return expected
