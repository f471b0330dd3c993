"""What a container costs, and what a cluster does: the same variants by several launchers, in one
campaign.

    python scripts/bench_containers.py [VARIANT ...] [--benchmark sentiment] [--rounds 6]
        [--launchers process docker kubernetes] [--stored CAMPAIGN]

Rounds are interleaved and every other one runs backwards; CPU, schedule and payloads are the same.
Ratios are those of a launcher to the one before it, round by round. The interval is the bootstrap's
(percentiles of the median of resampled rounds, 95 %): B. Efron, R. Tibshirani, An Introduction to
the Bootstrap, 1993.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from harness.analyse.run import digest
from harness.analyse.run.digested import Digested
from harness.base import paths
from harness.measure.campaign.campaign import new_id
from harness.setup.launching import DOCKER, PROCESS

METRICS = ("latency_p50", "latency_p95", "cpu_per_1000", "throughput", "first_answer", "memory")
POD = ("pod_scheduled", "pod_image", "pod_started", "pod_ready")
RESAMPLES = 10_000


def row(variant: str, launcher: str) -> str:
    """The name of a variant by a launcher that was asked for."""
    return variant if launcher == PROCESS else f"{variant}@{launcher}"


def values_of(digested: Digested, metric: str) -> dict[tuple[str, int], float]:
    """Its values by row and round, of runs that count."""
    return {
        (found.cell.variant_name, found.cell.round): value
        for found in digested.digests
        if not found.invalid and (value := found.values[metric]) is not None
    }


def ratios(digested: Digested, one: str, other: str, metric: str) -> Iterator[float]:
    """One row / the other in each round in which both count."""
    values = values_of(digested, metric)
    for (name, number), value in values.items():
        beside = values.get((other, number))
        if name == one and beside is not None and beside > 0:
            yield value / beside


def start_parts(digested: Digested, name: str) -> str:
    """The parts of its pod's start, as medians; empty where it has none."""
    told = []
    for metric in POD:
        found = [v for (row, _), v in values_of(digested, metric).items() if row == name]
        if found:
            told.append(f"{metric.removeprefix('pod_')} {np.median(found):.2f} s")
    return ", ".join(told)


def shown(found: list[float]) -> str:
    """Median and interval."""
    if not found:
        return "no round in which both count"
    rng = np.random.default_rng(1)
    medians = np.median(rng.choice(found, (RESAMPLES, len(found))), axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return f"{np.median(found):.3f} [{low:.3f} to {high:.3f}], {len(found)} rounds"


def main() -> None:
    parser = argparse.ArgumentParser(description=" ".join(__doc__.split("\n\n")[0].split()))
    parser.add_argument("variants", nargs="*", default=["fastapi", "bentoml"])
    parser.add_argument("--benchmark", default="sentiment")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--launchers", nargs="+", default=[PROCESS, DOCKER])
    parser.add_argument("--stored", help="a campaign that was measured so before")
    options = parser.parse_args()
    name = options.stored or measured(options)
    digested = digest.of_campaign(paths.results_dir() / name)
    for variant in options.variants:
        for other, one in pairwise(options.launchers):
            print(f"{variant}: {one} / {other}")
            for metric in METRICS:
                found = list(ratios(digested, row(variant, one), row(variant, other), metric))
                print(f"  {metric:<14} {shown(found)}")
        for launcher in options.launchers:
            if told := start_parts(digested, row(variant, launcher)):
                print(f"{row(variant, launcher)}: {told}")


def measured(options: argparse.Namespace) -> str:
    """Measure them; the campaign's name."""
    name = f"containers-{new_id()}"
    command = [sys.executable, "-m", "harness", "run", *options.variants, "--campaign", name]
    command += [word for launcher in options.launchers for word in ("--launcher", launcher)]
    command += ["--benchmark", options.benchmark, "--rounds", str(options.rounds)]
    subprocess.run(command, check=True, cwd=paths.PROJECT, stdout=sys.stderr)
    return name


if __name__ == "__main__":
    main()
