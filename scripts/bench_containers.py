"""What a container costs: the same variants as processes and as containers, in one campaign.

    python scripts/bench_containers.py [VARIANT ...] [--benchmark sentiment] [--rounds 6]

Rounds are interleaved and every other one runs backwards; CPU, schedule and payloads are the same.
Ratios are container / process round by round. The interval is the bootstrap's (percentiles of the
median of resampled rounds, 95 %): B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator

import numpy as np

from harness.analyse.run import digest
from harness.base import paths
from harness.measure.campaign.campaign import new_id

METRICS = ("latency_p50", "latency_p95", "cpu_per_1000", "throughput", "first_answer", "memory")
RESAMPLES = 10_000


def ratios(digested: digest.Digested, variant: str, metric: str) -> Iterator[float]:
    """Container / process in each round in which both count."""
    values: dict[tuple[str, int], float] = {
        (found.cell.variant_name, found.cell.round): value
        for found in digested.digests
        if not found.invalid and (value := found.values[metric]) is not None
    }
    for (name, number), process in values.items():
        container = values.get((f"{variant}@docker", number))
        if name == variant and container is not None and process > 0:
            yield container / process


def shown(found: list[float]) -> str:
    """Median and interval."""
    if not found:
        return "no round in which both count"
    rng = np.random.default_rng(1)
    medians = np.median(rng.choice(found, (RESAMPLES, len(found))), axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return f"{np.median(found):.3f} [{low:.3f} to {high:.3f}], {len(found)} rounds"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="*", default=["fastapi", "bentoml"])
    parser.add_argument("--benchmark", default="sentiment")
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    name = f"containers-{new_id()}"
    command = [sys.executable, "-m", "harness", "run", *options.variants, "--campaign", name]
    command += ["--launcher", "process", "--launcher", "docker"]
    command += ["--benchmark", options.benchmark, "--rounds", str(options.rounds)]
    subprocess.run(command, check=True, cwd=paths.PROJECT, stdout=sys.stderr)
    digested = digest.of_campaign(paths.results_dir() / name)
    for variant in options.variants:
        print(f"{variant}: container / process")
        for metric in METRICS:
            print(f"  {metric:<14} {shown(list(ratios(digested, variant, metric)))}")


if __name__ == "__main__":
    main()
