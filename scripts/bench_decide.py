"""Whether a quick run decides: two of them beside each other, and beside a long campaign.

    python scripts/bench_decide.py measure [--variants fastapi mosec ...] [--rounds 8]
    python scripts/bench_decide.py judge LONG QUICK QUICK...

`measure` runs two campaigns of the preset `quick` over the whole field, one after the other, then a
long one with so many starts of each variant, all with windows as long as those of `quick`, and
judges them. `judge` does so with stored campaigns. Asked of every pair of a track:

- Where the long campaign's capacities differ by 15% or more, does a quick run tell the pair apart,
  and in the right direction? How alike are their orders (Kendall's tau-b of the capacities)?
- Do two quick runs tell a pair apart in opposite directions? How alike are their orders, of the
  capacities, and as the reports tell them (a pair that is not separated is a tie)?
- Is the same variant under two names separated? Each variant of the long campaign is split into
  two, with half of its starts each, and ranked in the field as it is.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

from scipy.stats import kendalltau

from harness.analyse.field import comparison, contest
from harness.analyse.field.comparison import Comparison
from harness.analyse.field.contest import Contest
from harness.analyse.run import digest
from harness.base import paths

DIFFERENT = 1.15
Pair = tuple[str, str]


@dataclass(frozen=True)
class Beside:
    """A quick campaign beside the long one."""

    campaign: str
    pairs: int  # whose true capacities differ by DIFFERENT or more
    told: int  # apart, in the right direction
    wrong: int  # apart, in the wrong direction


@dataclass(frozen=True)
class Between:
    """Two quick campaigns beside each other."""

    pairs: int
    opposite: int  # separated in both, in opposite directions
    tau: Mapping[str, float]  # of the capacities, by track
    told: Mapping[str, float | None]  # of the order with its ties; None: all are tied in one


def of_campaign(name: str) -> Comparison:
    """The first benchmark of a stored campaign."""
    return comparison.compare(digest.of_campaign(paths.results_dir() / name))[0]


def pairs_of(found: Comparison, track: str) -> list[Pair]:
    """Every pair of a track's contestants that have a capacity."""
    ranked = [row.variant for row in found.rows if row.rank and row.server.track == track]
    known = found.contests[track].ranks.centres if track in found.contests else {}
    return list(combinations(sorted(name for name in ranked if name in known), 2))


def direction(found: Contest, pair: Pair) -> int:
    """1 where the first is told to be ahead, -1 where the second is, 0 where neither is."""
    ratio = found.ratio(*pair)
    if ratio is None or found.tied(*pair):
        return 0
    return 1 if ratio.ratio > 1 else -1


def beside(name: str, quick: Comparison, long: Comparison) -> Beside:
    """How much of what is true a quick campaign tells."""
    count = told = wrong = 0
    for track in quick.tracks:
        for pair in set(pairs_of(quick, track)) & set(pairs_of(long, track)):
            truth = long.contests[track].ratio(*pair)
            if truth is None or 1 / DIFFERENT < truth.ratio < DIFFERENT:
                continue
            count += 1
            found = direction(quick.contests[track], pair)
            told += found == (1 if truth.ratio > 1 else -1)
            wrong += found == (-1 if truth.ratio > 1 else 1)
    return Beside(name, count, told, wrong)


def between(one: Comparison, other: Comparison) -> Between:
    """How alike two campaigns are."""
    count = opposite = 0
    tau, told = {}, {}
    for track in one.tracks:
        shared = set(pairs_of(one, track)) & set(pairs_of(other, track))
        count += len(shared)
        both = [
            (direction(one.contests[track], pair), direction(other.contests[track], pair))
            for pair in shared
        ]
        opposite += sum(ours * theirs < 0 for ours, theirs in both)
        told[track] = _tau_b(both)
        names = sorted({name for pair in shared for name in pair})
        if len(names) > 1:
            centres = [[c.contests[track].ranks.centres[n] for n in names] for c in (one, other)]
            tau[track] = round(float(kendalltau(*centres).statistic), 3)
    return Between(count, opposite, tau, told)


def _tau_b(pairs: Sequence[tuple[int, int]]) -> float | None:
    """Kendall's tau-b of two orders, by which of each pair either has ahead; 0: tied."""
    counted = [sum(ours != 0 for ours, _ in pairs), sum(theirs != 0 for _, theirs in pairs)]
    if not all(counted):
        return None
    return round(sum(a * b for a, b in pairs) / math.sqrt(counted[0] * counted[1]), 3)


def aliases(long: Comparison) -> Iterator[bool]:
    """Whether a variant is separated from itself, under two names with every other start each."""
    for found in long.contests.values():
        for name, rounds in found.rounds.items():
            numbers = sorted(rounds)
            if len(numbers) < 4:
                continue
            halves = {f"{name} {half}": numbers[half::2] for half in (0, 1)}
            split = {
                **{other: known for other, known in found.rounds.items() if other != name},
                **{half: {n: rounds[n] for n in kept} for half, kept in halves.items()},
            }
            yield not contest.of(split).tied(*halves)


def judge(long: str, quick: Sequence[str]) -> dict[str, object]:
    """All answers, from stored campaigns."""
    truth = of_campaign(long)
    found = {name: of_campaign(name) for name in quick}
    again = list(aliases(truth))
    return {
        "beside the long campaign": [
            {**asdict(beside(name, each, truth)), "tau": between(each, truth).tau}
            for name, each in found.items()
        ],
        "between two": [
            {"campaigns": [one, other], **asdict(between(found[one], found[other]))}
            for one, other in combinations(found, 2)
        ],
        "the same under two names": {"variants": len(again), "separated": sum(again)},
    }


def measure(variants: Sequence[str], rounds: int) -> tuple[str, list[str]]:
    """Run the campaigns; (the long one's name, those of the quick ones)."""
    stamp = time.strftime("decide-%Y%m%d-%H%M%S")
    quick = [f"{stamp}-quick-{number}" for number in (1, 2)]
    for name in quick:
        _run([*(variants or ["--all"]), "--preset", "quick", "--campaign", name])
    long = f"{stamp}-long"
    chosen = [*(variants or ["--all"]), "--preset", "quick", "--rounds", str(rounds)]
    _run([*chosen, "--campaign", long])
    return long, quick


def _run(arguments: Sequence[str]) -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "harness", "run", *arguments], cwd=paths.PROJECT)
    if done.returncode not in (0, 1):
        sys.exit(f"The campaign ended with code {done.returncode}.")
    print(f"{arguments[-1]}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("--variants", nargs="*", default=[], help="Instead of the whole field.")
    measuring.add_argument("--rounds", type=int, default=8, help="Of the long campaign.")
    judging = commands.add_parser("judge")
    judging.add_argument("long")
    judging.add_argument("quick", nargs="+")
    for each in (measuring, judging):
        each.add_argument("--json", type=Path, help="Write the answers there too.")
    options = parser.parse_args()
    if options.command == "measure":
        long, quick = measure(options.variants, options.rounds)
    else:
        long, quick = options.long, options.quick
    text = json.dumps(judge(long, quick), indent=1)
    print(text)
    if options.json:
        options.json.write_text(text)


if __name__ == "__main__":
    main()
