"""How soon `history` sees a step, and how often it is wrong, on generated nights.

    python scripts/bench_history.py [--seeds 200] [--variants 20] [--detector harness|otava]

Each night has five rounds of a field of variants and two canaries, in one number (say a latency):
a host that drifts from night to night (15%, each night much like the last one) and from round to
round (7%) and slows each variant by nearly the same factor (5% apart), and each one's own noise in
a round (2.5%, with the tails of Student's t with 4 degrees of freedom). Asked:

- a variant takes 5% longer from a night on: found within 3, 4, 5 nights?
- 100 quiet nights, looked at every night: how many alarms, over all variants and the host?
- the host takes 40% longer from a night on, for all: is a variant accused, and is the host named?

`--detector otava` looks at the same ratios with apache-otava; install it beside this harness, in an
environment of its own: it pins its own NumPy.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.analyse.campaigns import steps
from harness.analyse.campaigns.series import night_values

Floats = NDArray[np.float64]
Detector = Callable[[Floats, Floats, float], list[int]]

BEFORE = 40  # nights before a step
LATE = (3, 4, 5)
QUIET = 100  # nights that are looked at
KNOWN = 30  # nights before the first look
NEAR = 3  # nights from the step: the same change


@dataclass(frozen=True, slots=True)
class Noise:
    """How generated nights differ, in logarithms."""

    host: float = 0.15  # of the host, from night to night
    memory: float = 0.7  # how much of a night's host is that of the night before
    within: float = 0.07  # of the host, from round to round
    unlike: float = 0.05  # by how much variants differ in how the host slows them
    own: float = 0.025  # of each variant in a round
    rounds: int = 5
    step: float = 0.0  # of the host, from the last night but `after` on
    after: int = 0


def nights(
    rng: np.random.Generator, count: int, variants: int, noise: Noise | None = None
) -> Floats:
    """Numbers by [variant, night, round]; the first two rows are the canaries."""
    noise = noise or Noise()
    host = np.empty(count)
    host[0] = rng.normal()
    for night in range(1, count):
        fresh = math.sqrt(1 - noise.memory**2) * rng.normal()
        host[night] = noise.memory * host[night - 1] + fresh
    host = noise.host * host
    host[count - noise.after :] += noise.step
    common = host[:, None] + noise.within * rng.normal(size=(count, noise.rounds))
    shares = 1 + noise.unlike * rng.normal(size=variants + 2)
    tails = rng.standard_t(4, size=(variants + 2, count, noise.rounds)) / math.sqrt(2)
    numbers: Floats = shares[:, None, None] * common + noise.own * tails
    return numbers


def by_night(numbers: Floats) -> tuple[Floats, Floats]:
    """(each variant's number of each night, the canaries' with a row a night)."""
    found = [
        [night_values(numbers[v, n], numbers[:2, n]) for n in range(numbers.shape[1])]
        for v in range(2, len(numbers))
    ]
    ours = np.array([[value for value, _ in row] for row in found])
    canaries = np.array([theirs for _, theirs in found[0]])
    return ours, canaries


def by_harness(values: Floats, canaries: Floats, level: float) -> list[int]:
    """Change points as `history` finds them."""
    return [step.at for step in steps.fit(values, canaries, level).steps]


def by_otava(values: Floats, canaries: Floats, level: float) -> list[int]:
    """Change points of apache-otava, in the series that this harness adjusts; none where it raises,
    as 0.8 does for a change that it places on the first night of its window."""
    from otava.analysis import compute_change_points

    series = np.exp(steps.fit(values, canaries, 0.0).adjusted)
    try:
        found, _ = compute_change_points(series, max_pvalue=level, min_magnitude=steps.LEAST_CHANGE)
    except ValueError:
        return []
    return [point.index for point in found]


def step_found(
    rng: np.random.Generator, detector: Detector, variants: int, size: float, noise: Noise
) -> int:
    """After how many nights a step is seen; 0: not within five."""
    numbers = nights(rng, BEFORE + max(LATE), variants, noise)
    numbers[2, BEFORE:] += size
    ours, canaries = by_night(numbers)
    for late in LATE:
        end = BEFORE + late
        found = detector(ours[0, :end], canaries[:end], steps.FALSE_ALARMS / variants)
        if any(abs(place - BEFORE) < NEAR for place in found):
            return late
    return 0


def false_alarms(rng: np.random.Generator, detector: Detector, variants: int, noise: Noise) -> int:
    """Different change points reported in 100 quiet nights, of all variants and the host."""
    ours, canaries = by_night(nights(rng, KNOWN + QUIET, variants, noise))
    level = steps.FALSE_ALARMS / variants
    nothing = np.empty((len(canaries), 0))
    series = [*((row, canaries) for row in ours), (canaries.mean(axis=1), nothing)]
    return sum(len(list(_new(detector, *each, level))) for each in series)


def _new(detector: Detector, values: Floats, canaries: Floats, level: float) -> Iterator[int]:
    seen: list[int] = []
    for night in range(KNOWN, len(values) + 1):
        for place in detector(values[:night], canaries[:night], level):
            if all(abs(place - other) > NEAR for other in seen):
                seen.append(place)
                yield place


def host_step(
    rng: np.random.Generator, detector: Detector, variants: int, after: int, noise: Noise
) -> tuple[int, bool]:
    """(variants accused of a step of the host of 40%, whether the host is named)."""
    stepped = replace(noise, step=math.log(1.4), after=after)
    numbers = nights(rng, BEFORE + after, variants, stepped)
    ours, canaries = by_night(numbers)
    level = steps.FALSE_ALARMS / variants
    accused = sum(bool(detector(row, canaries, level)) for row in ours)
    nothing = np.empty((len(canaries), 0))
    named = detector(canaries.mean(axis=1), nothing, level)
    return accused, any(abs(place - BEFORE) < NEAR for place in named)


def main() -> None:
    """Print a table."""
    usual = Noise()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--variants", type=int, default=20)
    parser.add_argument("--own", type=float, default=usual.own, help="Noise of a round.")
    parser.add_argument("--host", type=float, default=usual.host, help="Of the host, by night.")
    parser.add_argument("--memory", type=float, default=usual.memory, help="Of the host's nights.")
    parser.add_argument("--detector", choices=["harness", "otava"], default="harness")
    options = parser.parse_args()
    noise = Noise(host=options.host, memory=options.memory, own=options.own)
    began = time.monotonic()
    for line in report(
        by_harness if options.detector == "harness" else by_otava,
        options.seeds,
        options.variants,
        noise,
    ):
        print(line, flush=True)
    print(f"{time.monotonic() - began:.0f} s")


def report(detector: Detector, seeds: int, variants: int, noise: Noise) -> Iterator[str]:
    """What is asked, answered."""

    def rngs(first: int) -> Iterator[np.random.Generator]:
        return (np.random.default_rng((first, seed)) for seed in range(seeds))

    for size in (0.03, 0.05, 0.08):
        found = [step_found(r, detector, variants, math.log1p(size), noise) for r in rngs(1)]
        shares = ", ".join(_share([0 < late <= limit for late in found]) for limit in LATE)
        yield f"a step of {size:.0%}: found within 3, 4, 5 nights: {shares}"
    alarms = [false_alarms(rng, detector, variants, noise) for rng in rngs(2)]
    yield (
        f"alarms in {QUIET} quiet nights: {np.mean(alarms):.2f} on average, none in "
        f"{_share([n == 0 for n in alarms])}, at most one in {_share([n <= 1 for n in alarms])}"
    )
    for after in (5, 10, 20):
        told = [host_step(rng, detector, variants, after, noise) for rng in rngs(3)]
        yield (
            f"the host 40% slower, {after} nights later: it is named in "
            f"{_share([named for _, named in told])}; a variant is accused in "
            f"{_share([accused > 0 for accused, _ in told])}"
        )


def _share(hits: Sequence[bool]) -> str:
    return f"{np.mean(hits):.1%}"


if __name__ == "__main__":
    main()
