"""The table that ends a run, and why numbers are missing or must not be quoted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from harness.analyse.field import missing
from harness.analyse.field.comparison import COLUMNS, Comparison, Row
from harness.analyse.run.digested import Digest, Digested
from harness.analyse.run.findings import Verdict
from harness.report.page import beside, break_even, confidence, ranking, view
from harness.report.page.view import Report
from harness.report.text import outcomes, tidy

_SHOWN = (
    "capacity",
    "latency_p50",
    "latency_p99",
    "overhead",
    "throughput",
    "first_answer",
    "memory",
    "cpu_per_1000",
    "error_rate",
)


def lines(report: Report) -> Iterator[str]:
    """A table for each benchmark: medians over the rounds."""
    for comparison in report.comparisons:
        words = ranking.bounded(comparison)
        heads = ["", "rank", *(" ".join(COLUMNS[n].heading) for n in _SHOWN), ""]
        ranks = _ranks(comparison)
        rows = [heads, *(_cells(r, words, ranks.get(r.variant, "")) for r in comparison.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        yield f"\n{comparison.benchmark}"
        if lacks := missing.passed_over(comparison):
            instead = "; not by ".join(lack.text for lack in lacks)
            yield f"ranked by {COLUMNS[comparison.ranked_by].title}; not by {instead}"
        for cells in rows:
            first, *rest = (
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
            )
            yield "  ".join((first, *rest)).rstrip()
        for found in ranking.of_benchmark(report, comparison)[:1]:
            if said := beside.sentence(report.campaign, found):
                yield said
        even = break_even.sentences(break_even.besides(report, comparison))
        yield from (tidy.line(each) for each in even)
        yield from _reasons(comparison)
    if said := closing(report.digested):
        yield f"\n{said}"


def closing(digested: Digested) -> str:
    """How many runs must not be quoted, and why; empty where all may be."""
    count = len(digested.digests)
    failed = Counter(d.facts.failure.phase for d in digested.digests if d.facts.failure)
    invalid = [d for d in digested.digests if d.invalid and d.facts.failure is None]
    said = []
    if invalid:
        said.append(f"{len(invalid)} of {count} INVALID: {_why_invalid(digested, invalid)}")
    if failed:
        phases = ", ".join(f"{phase} ({times})" for phase, times in failed.most_common())
        said.append(f"{failed.total()} of {count} failed: {phases}")
    return "; ".join(said)


def _why_invalid(digested: Digested, invalid: Sequence[Digest]) -> str:
    """The host's fault that explains all of them, otherwise the findings, most frequent first."""
    unfit = [check for check in digested.campaign.checks if check.fit == "unfit"]
    if unfit:
        return "; ".join(f"{check.name}: {check.message.partition('. ')[0]}" for check in unfit)
    names = Counter(name for digest in invalid for name in _invalidating(digest))
    return ", ".join(f"{name} ({times})" for name, times in names.most_common())


def _invalidating(digest: Digest) -> set[str]:
    return {f.name for f in digest.findings if f.verdict is Verdict.INVALID}


def _reasons(comparison: Comparison) -> Iterator[str]:
    """Why rounds do not count, and why cells are empty."""
    for row in comparison.rows:
        for mishap in outcomes.mishaps(row):
            when = view.rounds(mishap.rounds)
            yield f"{row.variant}: {mishap.what} in {when}: {tidy.line(mishap.why)}"
    rows = [row for row in comparison.rows if row.measured]
    lacks: dict[tuple[str, str], list[str]] = {}
    for name in _SHOWN:
        for row in rows:
            if name not in row.beyond and (why := missing.why(row, name)):
                lacks.setdefault((COLUMNS[name].title, why), []).append(row.variant)
    for (title, why), names in lacks.items():
        yield f"- {title} of {'all' if len(names) == len(rows) else ', '.join(names)}: {why}"


def _ranks(comparison: Comparison) -> dict[str, str]:
    found: dict[str, str] = {}
    for track in comparison.tracks:
        peers = view.contenders(comparison, track)
        found |= {row.variant: confidence.rank(row, peers, comparison.ranked_by) for row in peers}
    return found


def _cells(row: Row, words: Mapping[str, str], rank: str) -> list[str]:
    cells = [row.variant, f"{row.server.track} {rank}" if row.rank else "-"]
    for name in _SHOWN:
        spread = row.spreads[name]
        if spread is not None and name == "capacity" and row.variant in words:
            cells.append(words[row.variant])
        else:
            digits = COLUMNS[name].digits
            unknown = row.beyond.get(name, "-")
            cells.append(unknown if spread is None else f"{spread.median:.{digits}f}")
    cells.append(_remark(row))
    return cells


def _remark(row: Row) -> str:
    if row.failures:
        return f"failed: {row.failures[0].phase}"
    unchecked = "certificate not checked" if row.server.insecure else ""
    if row.invalid:
        return f"INVALID, {unchecked}" if unchecked else "INVALID"
    if unchecked:
        return unchecked
    return "reference" if row.server.reference else ""
