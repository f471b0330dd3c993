"""What chance does to each metric on this host: the same revision beside itself, campaign by
campaign.

    python scripts/bench_noise.py fastapi flask-gunicorn [--campaigns 3] [--rounds 8] [--neighbour]

Each campaign is a `run --against HEAD` of a checkout without changes, so every variant is measured
twice, interleaved. Printed for each metric: by how much the fresh starts of one variant lie apart,
(most / least - 1); by how much the paired rounds are off the truth, which is that nothing differs;
the smallest change that they show, beside what the same rounds would show if they were not paired;
and how often a variant was separated from itself. With --neighbour, scripts/neighbour.py works
meanwhile. The campaigns stay in results/, for `compare CAMPAIGN --noise NAME`.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from harness.analyse.field import paired
from harness.analyse.field.comparison import COLUMNS, Row
from harness.analyse.regression import changes, noise
from harness.analyse.regression.gate import Judgement, Wanted
from harness.analyse.run import digest
from harness.analyse.run.digested import Digested
from harness.base import paths
from harness.report.compare.compared import share

Told = dict[str, list[bool]]  # by metric name: whether a variant was separated from itself


def measure(options: argparse.Namespace, name: str) -> Digested:
    """Run one campaign, and read it."""
    command = [sys.executable, "-m", "harness", "run", *options.variants, "--against", "HEAD"]
    command += ["--benchmark", options.benchmark, "--preset", options.preset]
    command += ["--rounds", str(options.rounds), "--campaign", name]
    done = subprocess.run(command, cwd=paths.PROJECT, stdout=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.returncode)
    found = digest.of_campaign(paths.results_dir() / name)
    if not changes.alike(found):
        sys.exit("No variant was measured beside itself: commit or stash what has changed first.")
    return found


@contextlib.contextmanager
def neighbour(*, wanted: bool) -> Iterator[subprocess.Popen[bytes] | None]:
    """Somebody who works on the same machine, until the context ends."""
    if not wanted:
        yield None
        return
    command = [sys.executable, str(Path(__file__).with_name("neighbour.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()


def moved(rows: Sequence[Row], name: str) -> float | None:
    """By what share the most of one variant's fresh starts is above the least; the median over the
    variants. None where no variant has two starts above zero."""
    found = []
    for row in rows:
        values = [value for value in noise.numbers(row, COLUMNS[name]).values() if value > 0]
        if len(values) > 1:
            found.append(max(values) / min(values) - 1)
    return float(np.median(found)) if found else None


def off(pairs: Sequence[tuple[Row, Row]], name: str) -> float | None:
    """By what share the paired rounds of a variant beside itself are off 1; the median over the
    pairs."""
    logs = (noise.logs(new, base, COLUMNS[name], same_load=True) for new, base in pairs)
    found = [abs(math.log(each.ratio)) for each in map(paired.of_logs, logs) if each is not None]
    return math.expm1(float(np.median(found))) if found else None


def told_apart(found: Digested) -> Told:
    """Whether each metric of each variant was called better or worse than itself."""
    told: Told = {}
    same = {(pair.benchmark, pair.variant) for pair in changes.alike(found)}
    for row in changes.of_revisions(found, Wanted()).rows:
        if (row.benchmark, row.variant) in same and row.ratio is not None:
            apart = row.verdict in (Judgement.BETTER, Judgement.WORSE)
            told.setdefault(row.metric.name, []).append(apart)
    return told


def table(campaigns: list[Digested], rounds: int) -> list[str]:
    """A line for each metric that there is something of."""
    pairs = [pair for found in campaigns for pair in changes.alike(found)]
    sides = [(pair.new, pair.base) for pair in pairs]
    rows = [row for pair in pairs for row in (pair.new, pair.base)]
    beside = noise.estimate(noise.beside(sides), noise.BESIDE)
    steps = noise.estimate(noise.next_rounds(rows), noise.NEXT_ROUND)
    told: Told = {}
    for found in campaigns:
        for name, apart in told_apart(found).items():
            told.setdefault(name, []).extend(apart)
    lines = [
        f"| metric | {rounds} starts lie apart | {rounds} pairs are off | {rounds} pairs show "
        "| not paired | stops a gate from | separated |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, known in beside.items():
        effect = COLUMNS[name].effect
        if effect is None:
            continue
        smallest = known.smallest(rounds)
        apart = told.get(name, [])
        cells = (
            *(_share(found) for found in (moved(rows, name), off(sides, name), smallest)),
            _share(steps[name].smallest(rounds) if name in steps else None),
            share(max(effect, smallest)),
            f"{sum(apart)} of {len(apart)}",
        )
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


def _share(value: float | None) -> str:
    return "-" if value is None else share(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="+")
    parser.add_argument("--benchmark", default="sentiment")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--campaigns", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--name", default="noise", help="What the campaigns' names begin with.")
    parser.add_argument("--neighbour", action="store_true", help="Somebody works meanwhile.")
    options = parser.parse_args()
    found = []
    with neighbour(wanted=options.neighbour):
        for number in range(1, options.campaigns + 1):
            found.append(measure(options, f"{options.name}-{number}"))
            print(f"{number} of {options.campaigns} campaigns", file=sys.stderr, flush=True)
    print("\n".join(table(found, options.rounds)))


if __name__ == "__main__":
    main()
