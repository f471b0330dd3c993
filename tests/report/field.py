"""A field as large as the report has to bear, without files: 40 variants, 3 benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.analyse.run import digest
from harness.analyse.run.digested import Digest, Digested
from harness.analyse.run.held import Held
from harness.windows.profiles import Profile
from tests import fakes
from tests.cells import cell_of
from tests.fakes import BENCHMARK, Fake

BENCHMARKS = ("sentiment", "iris", "noop")
PROFILES = (
    Profile("steady", "poisson", 15.0, rate_per_s=110.0),
    Profile("ramp", "ramp", 10.0, rate_per_s=40.0, rate_to_per_s=160.0),
    Profile("spike", "spike", 10.0, rate_per_s=60.0, rate_to_per_s=200.0),
    Profile("saturated", "closed", 6.0, concurrency=8),
)
_FRAMEWORKS = (
    *("FastAPI", "Flask", "BentoML", "LitServe", "Ray Serve", "MLServer", "KServe"),
    *("Seldon Core", "TorchServe", "Triton", "mosec", "Functions Framework", "OpenVINO"),
)
_BASES = (
    Fake("base-0", 6.0, capacity_per_s=300.0, batch=1),
    Fake("base-1", 8.0, capacity_per_s=240.0, batch=3, slows=1.6),
    Fake("base-2", 11.0, capacity_per_s=150.0, jitter=0.5, errors=0.003),
)
_REFERENCES = (
    Fake("in-process", 4.0, reference=True, framework="in process", capacity_per_s=330.0),
    Fake("null", 0.5, reference=True, framework="null server", capacity_per_s=4000.0),
)


def made(variants: int = 40, rounds: int = 2, benchmarks: tuple[str, ...] = BENCHMARKS) -> Digested:
    """A campaign of so many variants, references aside; each is a scaled copy of a few runs."""
    names = [_named(place) for place in range(variants)]
    known = [Fake(name) for name, _, _ in names]
    plan = fakes.campaign([*_REFERENCES, *known], rounds, benchmarks, "field")
    facts = replace(BENCHMARK, profiles=PROFILES)
    plan = replace(plan, benchmarks=dict.fromkeys(benchmarks, facts))
    digests = {d.cell: d for d in _digests(names, rounds, benchmarks, plan)}
    return Digested(
        folder=Path("field"),
        campaign=plan,
        digests=tuple(digests[cell] for cell in plan.cells),
        damaged=(),
    )


def _named(place: int) -> tuple[str, str, str]:
    """(variant, framework, track)"""
    framework = _FRAMEWORKS[place % len(_FRAMEWORKS)]
    kind = ("", "-batched", "-workers", "-grpc", "-torch")[place // len(_FRAMEWORKS)]
    track = ("matched", "tuned", "default")[place % 3]
    return framework.lower().replace(" ", "-") + kind, framework, track


def _digests(
    names: list[tuple[str, str, str]], rounds: int, benchmarks: tuple[str, ...], plan: Any
) -> Iterator[Digest]:
    for number in range(1, rounds + 1):
        for benchmark in benchmarks:
            bases = [_of(fake, number, benchmark, plan) for fake in _BASES]
            for fake in _REFERENCES:
                yield _of(fake, number, benchmark, plan)
            for place, (name, framework, track) in enumerate(names):
                factor = 1 + 0.045 * ((17 * place) % 41)
                yield _scaled(bases[place % len(bases)], name, framework, track, factor)


def _of(fake: Fake, number: int, benchmark: str, plan: Any) -> Digest:
    run = fakes.run(replace(fake, profiles=PROFILES), number, benchmark, plan.id)
    return digest.of_run(run, plan, None)


def _scaled(base: Digest, name: str, framework: str, track: str, factor: float) -> Digest:
    """A copy that takes `factor` times as long for everything."""
    cell = cell_of(name, base.cell.benchmark, base.cell.round)
    server = replace(base.facts.server, server=name, framework=framework, track=track)
    longer, fewer = ("latency_", "ready", "first_", "cpu_", "memory"), ("capacity", "throughput")
    values = dict(base.values)
    for key, value in base.values.items():
        power = key.startswith(longer) - key.startswith(fewer)
        values[key] = value if value is None else value * factor**power
    drawn = {
        key: found * factor ** (key.startswith(longer) - key.startswith(fewer))
        for key, found in base.replicates.items()
    }
    curves = tuple(
        replace(
            curve,
            quantiles_ms=curve.quantiles_ms * factor,
            median_ms=curve.median_ms * factor,
            p95_ms=curve.p95_ms * factor,
        )
        for curve in base.curves
    )
    assert base.found is not None
    estimate = base.found.estimate
    rates = (estimate.rate_per_s, estimate.low, estimate.high)
    steps = tuple(replace(s, rate_per_s=s.rate_per_s / factor) for s in base.found.steps)
    return replace(
        base,
        cell=cell,
        facts=replace(base.facts, cell=cell, server=server),
        values=values,
        replicates=drawn,
        curves=curves,
        found=replace(
            base.found,
            estimate=type(estimate)(*(None if r is None else r / factor for r in rates)),
            steps=steps,
        ),
        response_ms=base.response_ms * factor,
        held={slo: _slower(each, factor) for slo, each in base.held.items()},
    )


def _slower(held: Held, factor: float) -> Held:
    low, high = (None if end is None else end / factor for end in (held.low, held.high))
    return replace(held, least=held.least / factor, most=held.most / factor, low=low, high=high)
