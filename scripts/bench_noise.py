"""What chance does to each metric on this host: the same revision beside itself, campaign by
campaign.

    python scripts/bench_noise.py fastapi flask-gunicorn [--campaigns 3] [--rounds 8]

Each campaign is a `run --against HEAD` of a checkout without changes, so every variant is measured
twice, interleaved. Printed for each metric: the smallest change that the paired rounds show, beside
what the same rounds would show if they were not paired, and how often a variant was told apart from
itself. The campaigns stay in results/, for `compare CAMPAIGN --noise NAME`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from harness import paths
from harness.analyse import changes, digest, noise
from harness.analyse.comparison import COLUMNS
from harness.analyse.digest import Digested
from harness.analyse.gate import Verdict, Wanted
from harness.report.compared import share

Told = dict[str, list[bool]]  # by metric name: whether a variant was told apart from itself


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


def told_apart(found: Digested) -> Told:
    """Whether each metric of each variant was called better or worse than itself."""
    told: Told = {}
    same = {(pair.benchmark, pair.variant) for pair in changes.alike(found)}
    for row in changes.of_revisions(found, Wanted()).rows:
        if (row.benchmark, row.variant) in same and row.ratio is not None:
            apart = row.verdict in (Verdict.BETTER, Verdict.WORSE)
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
        f"| metric | {rounds} rounds show | not paired | stops a gate from | told apart |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, known in beside.items():
        effect = COLUMNS[name].effect
        if effect is None:
            continue
        smallest = known.smallest(rounds)
        unpaired = share(steps[name].smallest(rounds)) if name in steps else "-"
        apart = told.get(name, [])
        stops = share(max(effect, smallest))
        cells = (share(smallest), unpaired, stops, f"{sum(apart)} of {len(apart)}")
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="+")
    parser.add_argument("--benchmark", default="sentiment")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--campaigns", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--name", default="noise", help="What the campaigns' names begin with.")
    options = parser.parse_args()
    found = []
    for number in range(1, options.campaigns + 1):
        found.append(measure(options, f"{options.name}-{number}"))
        print(f"{number} of {options.campaigns} campaigns", file=sys.stderr, flush=True)
    print("\n".join(table(found, options.rounds)))


if __name__ == "__main__":
    main()
