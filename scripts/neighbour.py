"""A neighbour on a shared machine: now and then it works, and takes CPU time from everybody.

    python scripts/neighbour.py [--seed 1] [--mean 30]

On every CPU one process is busy for a share of each hundredth of a second, as a hypervisor's other
guests are. The share is drawn anew after a random while, of 30 s on average: a job that begins or
ends. It stops when its standard input closes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import time

SHARES = (0.0, 0.1, 0.2, 0.3)
SLICE_S = 0.01


def work(cpu: int, seed: int, mean_s: float) -> None:
    """Be busy on one CPU until this process is ended; all CPUs change at the same moments."""
    os.sched_setaffinity(0, {cpu})
    draw = random.Random(seed)
    while True:
        share = draw.choice(SHARES)
        change = time.monotonic() + draw.expovariate(1 / mean_s)
        while time.monotonic() < change:
            until = time.monotonic() + share * SLICE_S
            while time.monotonic() < until:
                pass
            time.sleep((1 - share) * SLICE_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mean", type=float, default=30.0, help="Seconds between two changes.")
    options = parser.parse_args()
    for cpu in sorted(os.sched_getaffinity(0)):
        arguments = (cpu, options.seed, options.mean)
        multiprocessing.Process(target=work, args=arguments, daemon=True).start()
    sys.stdin.read()  # the workers are daemons: they end with this process


if __name__ == "__main__":
    main()
