"""The report of a large campaign is a file that can be mailed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.run import digest
from harness.analyse.run.digested import Digest, Digested
from harness.analyse.run.findings import Finding, Verdict
from tests.fakes import Fake, campaign, run
from tests.report import pages
from tests.report.campaigns import CONTAINER, LIFE

MOST_BYTES = 3_000_000
VARIANTS, ROUNDS, BENCHMARKS = 40, 3, ("sentiment", "iris", "noop")


def of_round(first: Digest, benchmark: str, number: int) -> Digest:
    """The digest of another round: other numbers, the same everything else."""
    cell = replace(first.cell, benchmark=benchmark, round=number)
    other = {name: value and value * (1 + 0.01 * number) for name, value in first.values.items()}
    doubts = [
        Finding(
            name=f"doubt-{n}",
            verdict=Verdict.NOTE,
            message=f"{cell}: what is doubtful in a window, with {n} ms",
        )
        for n in range(3)
    ]
    seen = first.seen and replace(first.seen, log_end="\n".join([f"{number} " + "x" * 120] * 12))
    facts = replace(first.facts, cell=cell)
    return replace(first, cell=cell, facts=facts, values=other, findings=tuple(doubts), seen=seen)


@pytest.fixture(scope="module")
def large() -> Digested:
    """Every variant with all that a run can have."""
    fakes = [
        Fake(
            f"framework-{n // 2}-variant-{n}",
            6.0 + n,
            track="tuned" if n % 2 else "matched",
            framework=f"Framework {n // 2}",
            capacity_per_s=300.0 - 4 * n,
            life=LIFE,
            container=CONTAINER,
        )
        for n in range(VARIANTS - 1)
    ]
    fakes.append(Fake("in-process", 4.0, reference=True, capacity_per_s=320.0))
    plan = campaign(fakes, ROUNDS, BENCHMARKS, "large")
    first = {fake.name: digest.of_run(run(fake), plan, None) for fake in fakes}
    digests = (of_round(first[c.variant_name], c.benchmark_name, c.round) for c in plan.cells)
    return Digested(folder=Path("large"), campaign=plan, digests=tuple(digests), damaged=())


@pytest.mark.slow
def test_forty_variants_on_three_benchmarks_make_three_megabytes_at_most(large: Digested) -> None:
    html = pages.render(large)
    parts = {part.partition('"')[0]: len(part.encode()) for part in html.split('<section id="')[1:]}
    assert len(html.encode()) <= MOST_BYTES, parts
    assert len([name for name in parts if name == "variants"]) == 1
    assert html.count('<article id="variant-') == VARIANTS
