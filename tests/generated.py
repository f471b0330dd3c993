"""Nights that nobody measured: summaries of campaigns with the noise of bench_history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bench_history import Noise, nights
from harness.analyse.campaigns.nights import FORMAT, Ground, Night, NightRow
from harness.stored.identity import NULL, PREDICTOR, Canary, Subject

GROUND = Ground(
    machine="Imaginary CPU / 4 / 15.6 GiB",
    preset="nightly",
    device="cpu",
    driver="native",
    benchmark="sentiment",
    version=1,
    synthetic=False,
)
_CANARIES: dict[str, Canary] = {"null": NULL, "in-process": PREDICTOR}
FIRST = datetime(2026, 1, 1, 2, 17, tzinfo=UTC)


@dataclass(frozen=True)
class Made:
    """What a generated series of nights is like."""

    count: int = 45
    variants: int = 6
    metric: str = "latency_p50"
    steps: Mapping[str, tuple[int, float]] = field(default_factory=dict)  # variant: night, size
    versions: Mapping[str, tuple[int, str]] = field(default_factory=dict)  # variant: night, new one
    kernel: tuple[int, str] | None = None
    noise: Noise = field(default_factory=Noise)


def names(variants: int) -> list[str]:
    """The canaries and so many variants."""
    return ["null", "in-process", *(f"v{number}" for number in range(variants))]


def generate(seed: int, made: Made) -> list[Night]:
    """The nights, the oldest first."""
    numbers = nights(np.random.default_rng(seed), made.count, made.variants, made.noise)
    known = names(made.variants)
    for variant, (night, size) in made.steps.items():
        numbers[known.index(variant), night:] += np.log1p(size)
    return [_night(made, number, known, numbers[:, number]) for number in range(made.count)]


def _night(made: Made, number: int, known: list[str], numbers: NDArray[np.float64]) -> Night:
    rows = []
    for place, name in enumerate(known):
        since, new = made.versions.get(name, (made.count, ""))
        values = {
            number: 8 * float(np.exp(value)) for number, value in enumerate(numbers[place], 1)
        }
        version = new if number >= since else "1.0"
        rows.append(
            NightRow(
                variant=name,
                benchmark="sentiment",
                framework="Fake",
                version=version,
                values={made.metric: values},
                planned=len(values),
                failed=0,
                invalid=0,
                subject=Subject(name),
                plain_benchmark="sentiment",
                canary=_CANARIES.get(name),
            )
        )
    kernel = made.kernel[1] if made.kernel and number >= made.kernel[0] else "Linux 6.1"
    return Night(
        format=FORMAT,
        campaign=f"night-{number:03}",
        started_at=(FIRST + timedelta(days=number)).isoformat(),
        environment={"machine": "Imaginary CPU", "kernel": kernel},
        grounds={"sentiment": GROUND},
        rows=tuple(rows),
        problems=(),
    )
