"""What instrumentation costs, and what being scraped costs: ratios of paired windows.

    python scripts/bench_scraping.py [--benchmark iris] [--rate 200] [--duration 20] [--rounds 6]
                                     [--every 15,5,1] [--variant fastapi-instrumented] [--json]

In each round `fastapi` and the instrumented variant are started afresh, one after the other, and
every other round the other way around. Each serves an open-loop window at the rate and a saturated
one; the instrumented one serves both once without scrapes and once at each interval, in an order
that moves on by one from round to round. Ratios are of the same round: instrumented to plain, and
of one process with scrapes to without. The intervals are those of medians over the rounds, by
resampling.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from harness.analyse.statistics import stats
from harness.analyse.statistics.stats import Spread
from harness.base.errors import HarnessError, UsageError
from harness.measure.campaign import reference, session
from harness.measure.campaign.bench import Bench
from harness.measure.campaign.tools import Tools
from harness.measure.cell.faults import PatientStages
from harness.setup import catalog
from harness.setup.catalog import Variant
from harness.setup.tables import PresetTable
from harness.stored.records import Window
from harness.windows.profiles import Profile

PLAIN = "fastapi"
PRESET = PresetTable(
    benchmarks=(), profiles=(), rounds=1, duration_scale=1.0, warm_up_s=3.0, proof_s=0.5
)
NUMBERS = {
    "p50": "p50 at the rate, ms",
    "p99": "p99 at the rate, ms",
    "cpu": "CPU s of 1000 requests at the rate",
    "throughput": "answers/s, saturated",
}


@dataclass(frozen=True, kw_only=True)
class ScrapedServer:
    """Both windows of one arm in one round."""

    round: int
    arm: str
    numbers: dict[str, float | None]
    failed: int
    scrapes: int
    longest_ms: float  # that a scrape took
    page_bytes: int


@dataclass(frozen=True, kw_only=True)
class EachRound:
    """What each round does."""

    tools: Tools
    steady: Profile
    saturated: Profile


def parsed(text: str) -> tuple[float, ...]:
    """Intervals as they are given. Raises UsageError."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or any(not 0 < each <= 3600 for each in found):
        raise UsageError(f"--every: {text!r} are no seconds: give some above 0, such as 15,5,1.")
    return found


def name_of(every_s: float) -> str:
    """An arm of the instrumented variant."""
    return f"every {every_s:g} s" if every_s else "instrumented"


def order(arms: Sequence[float], round_number: int) -> list[float]:
    """The arms of a round: each stands at each place once in as many rounds as there are arms."""
    first = (round_number - 1) % len(arms)
    return [*arms[first:], *arms[:first]]


def measured(
    variant: Variant, arms: Sequence[float], round_number: int, bench: Bench, asked: EachRound
) -> Iterator[ScrapedServer]:
    """One fresh start, and its windows."""
    with asked.tools.folder() as scratch:
        stages = reference.stages_of(
            variant, bench, asked.tools, round_number, scratch, PatientStages
        )
        launched = stages.launch()
        try:
            stages.ready(launched)
            stages.warm_up(launched, asked.steady)
            for every_s in arms:
                stages.bench = replace(bench, scrape_every_s=every_s)
                windows = [stages.load(launched, each) for each in (asked.steady, asked.saturated)]
                arm = PLAIN if variant.name == PLAIN else name_of(every_s)
                yield served(arm, round_number, *windows)
        finally:
            stages.stop(launched)


def served(arm: str, round_number: int, steady: Window, saturated: Window) -> ScrapedServer:
    """Two windows in figures."""
    waits_ms, cpu_ns = steady.requests.waits_ns() / 1e6, steady.usage.cpu_ns
    known = [w.facts.scrapes for w in (steady, saturated) if w.facts.scrapes is not None]
    return ScrapedServer(
        round=round_number,
        arm=arm,
        numbers={
            "p50": stats.percentile(waits_ms, 0.5),
            "p99": stats.percentile(waits_ms, 0.99),
            "cpu": 1000 * float(cpu_ns[-1] - cpu_ns[0]) / 1e9 / len(steady.requests),
            "throughput": saturated.requests.throughput(saturated.facts.elapsed_s),
        },
        failed=sum(int((~w.requests.ok).sum()) for w in (steady, saturated)),
        scrapes=sum(each.answered for each in known),
        longest_ms=1e3 * max((each.longest_s for each in known), default=0.0),
        page_bytes=max((each.bytes for each in known), default=0),
    )


def ratios(found: Sequence[ScrapedServer], arm: str, other: str, number: str) -> Spread | None:
    """Arm to other, round by round."""
    values = {(each.round, each.arm): each.numbers[number] for each in found}
    pairs = [(values.get((n, arm)), values.get((n, other))) for n in {each.round for each in found}]
    return stats.spread([a / b for a, b in pairs if a is not None and b])


def lines(found: Sequence[ScrapedServer], arms: Sequence[float]) -> Iterator[str]:
    """The ratios as a table, and what the scrapes were."""
    yield "| ratio | " + " | ".join(NUMBERS.values()) + " |"
    yield "|---" * (1 + len(NUMBERS)) + "|"
    pairs = [(name_of(0), PLAIN), *((name_of(e), name_of(0)) for e in arms if e)]
    for arm, other in pairs:
        cells = [shown(ratios(found, arm, other, number)) for number in NUMBERS]
        yield f"| {arm} / {other} | " + " | ".join(cells) + " |"
    for every_s in arms:
        scraped = [each for each in found if every_s and each.arm == name_of(every_s)]
        if scraped:
            count, longest = sum(s.scrapes for s in scraped), max(s.longest_ms for s in scraped)
            yield (
                f"{name_of(every_s)}: {count} scrapes, the longest {longest:.1f} ms, "
                f"{max(s.page_bytes for s in scraped)} bytes"
            )
    failed = sum(each.failed for each in found)
    if failed:
        yield f"{failed} requests failed."


def shown(spread: Spread | None) -> str:
    """Median and interval."""
    return "-" if spread is None else f"{spread.median:.3f} ({spread.low:.3f}–{spread.high:.3f})"


def measure(options: argparse.Namespace, arms: Sequence[float]) -> list[ScrapedServer]:
    """All rounds. Raises HarnessError."""
    known, benchmark = catalog.variants(), catalog.benchmark(options.benchmark)
    found: list[ScrapedServer] = []
    with session.begin({}, "cpu", on_wait=say) as tools:
        bench = reference.prepare(benchmark, known, tools, PRESET).bench
        asked = EachRound(
            tools=tools,
            steady=Profile("steady", "poisson", options.duration, rate_per_s=options.rate),
            saturated=Profile("saturated", "closed", options.duration / 2, concurrency=8),
        )
        for number in range(1, options.rounds + 1):
            starts = [(known[PLAIN], [0.0]), (known[options.variant], order(arms, number))]
            for variant, own in starts if number % 2 else starts[::-1]:
                for each in measured(variant, own, number, bench, asked):
                    say(asdict(each))
                    found.append(each)
    return found


def say(text: object) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--benchmark", default="iris")
    parser.add_argument("--variant", default="fastapi-instrumented")
    parser.add_argument("--every", default="15,5,1")
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--duration", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        arms = (0.0, *parsed(options.every))
        found = measure(options, arms)
    except HarnessError as error:
        sys.exit(f"error: {error}")
    if options.json:
        print(json.dumps([asdict(each) for each in found], indent=1))
        return
    for line in lines(found, arms):
        print(line)


if __name__ == "__main__":
    main()
