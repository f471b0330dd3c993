"""Whether the capacity that is found is the true one: `_fake` servers whose queue has a known law.

    python scripts/bench_capacity.py [--budget 120s] [--repeats 3]

The truth is computed for M/M/1 and simulated for the others (tests/queues.py). It leaves out what
the server and the way to it add to a response, some tenths of a millisecond of these limits.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from harness.base import paths
from harness.setup import slo
from tests import queues

CASES = {
    "_fake-mm1": ("M/M/1", "p99<20ms"),
    "_fake-md1": ("M/D/1", "p99<10ms"),
    "_fake-batching": ("batching", "p99<15ms"),
}


def searched(variant: str, limit: str, budget: str) -> dict[str, object]:
    """What the command finds."""
    command = [sys.executable, "-m", "harness", "capacity", variant, "--slo", limit, "--json"]
    command += ["--benchmark", "noop", "--budget", budget]
    done = subprocess.run(command, cwd=paths.PROJECT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    found: dict[str, object] = json.loads(done.stdout)["results"][0]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", default="120s")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{'':14}  {'SLO':12} {'truth':>8} {'found':>8} {'ratio':>6}  interval")
    for _ in range(options.repeats):
        for variant, (law, limit) in CASES.items():
            wanted = slo.parse(limit)
            truth = queues.true_capacity(
                queues.LAWS[law], wanted.share, wanted.limit_ns / 1e9, requests=400_000
            )
            found = searched(variant, limit, options.budget)
            capacity = found["capacity"]
            ratio = f"{capacity / truth:.3f}" if isinstance(capacity, float) else "-"
            shown = f"{capacity:.1f}" if isinstance(capacity, float) else "-"
            print(
                f"{variant:14}  {limit:12} {truth:8.1f} {shown:>8} {ratio:>6}  {found['interval']}",
                flush=True,
            )


if __name__ == "__main__":
    main()
