"""A page for each variant: how it was set up, what it did, what is doubtful, how to do it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analyse.field import reasons
from harness.analyse.field.comparison import COLUMNS, Comparison, Row
from harness.analyse.run import capacity_words, held
from harness.analyse.run.digested import Digest
from harness.analyse.run.findings import Verdict
from harness.analyse.run.metrics import Metric
from harness.report.page import again, ranking, view
from harness.report.page.sections import Values, section
from harness.report.page.view import Report

_HEAVIEST = (Verdict.INVALID, Verdict.WARNING, Verdict.NOTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantPart:
    """A variant on one benchmark."""

    benchmark: str
    row: Row
    standing: str
    facts: list[tuple[str, str]]  # read back from the running server
    findings: list[tuple[Verdict, str, str, list[int]]]  # (verdict, name, message, rounds)
    rounds: list[int]
    numbers: list[tuple[Metric, list[str]]]  # of each round
    windows: list[tuple[int, Any]]  # (round, its counts)
    searches: list[tuple[int, str]]
    log_round: int
    log_end: str
    command: str
    slower: str  # than the best of its track, and where


@section("Variants", order=55)
def variants(report: Report) -> Values | None:
    pages: dict[str, list[VariantPart]] = {}
    for comparison in report.comparisons:
        words, slower = ranking.bounded(comparison), reasons.of_comparison(comparison)
        for row in comparison.rows:
            why = slower[row.variant].text if row.variant in slower else ""
            part = _part(report, comparison, row, words.get(row.variant), why)
            pages.setdefault(row.variant, []).append(part)
    if not pages:
        return None
    made = [{"name": name, "row": parts[0].row, "parts": parts} for name, parts in pages.items()]
    return {"pages": made, "told": _told}


def _part(
    report: Report, comparison: Comparison, row: Row, bounded: str | None, slower: str
) -> VariantPart:
    last = next((d for d in reversed(row.digests) if d.facts.failure), row.digests[-1])
    return VariantPart(
        benchmark=comparison.benchmark,
        row=row,
        standing=_standing(comparison, row, bounded),
        facts=list(_read_back(row.digests)),
        findings=_findings(row),
        rounds=[digest.cell.round for digest in row.digests],
        numbers=list(_numbers(row.digests)),
        windows=[(d.cell.round, w) for d in row.digests if d.seen for w in d.seen.windows],
        searches=[(d.cell.round, capacity_words.sentence(d.found)) for d in row.digests if d.found],
        log_round=last.cell.round,
        log_end=(last.facts.failure.log_tail if last.facts.failure else "")
        or (last.seen.log_end if last.seen else ""),
        command=again.of_row(report, row, comparison.benchmark),
        slower=slower,
    )


def _standing(comparison: Comparison, row: Row, bounded: str | None) -> str:
    """In words; `bounded` has those for a capacity of which only bounds are known."""
    if row.server.reference:
        return "reference point, not ranked"
    if row.rank is None:
        return f"not ranked: {view.reason(row)}"
    same = sum(o.rank == row.rank and o.server.track == row.server.track for o in comparison.rows)
    spread, metric = row.spreads[comparison.ranked_by], COLUMNS[comparison.ranked_by]
    value = "" if spread is None else f", {metric.title} {view.amount(spread.median, metric)}"
    if bounded and metric.name == "capacity":
        value = f", {metric.title} {bounded}"
    shared = f", shared by {same}" if same > 1 else ""
    return f"rank {row.rank} of track {row.server.track}{shared}{value}"


def _told(row: Row) -> Iterator[tuple[str, str]]:
    """The variant's facts and its settings."""
    server = row.server
    yield "server", server.server
    yield "framework", f"{server.framework} {server.version or '(its version could not be read)'}"
    yield "licence", server.licence
    yield "maintained", "yes" if server.maintained else "no"
    yield "track", server.track
    yield "protocol", server.protocol
    yield "backend", server.backend
    yield "device", server.device
    described = f", {server.way.described}" if server.way.described else ""
    yield "launcher", f"{server.launcher}{described}"
    if server.asked is None:
        yield "set up as", "not known: it could not be asked"
        return
    yield "workers asked for", str(server.asked.workers)
    yield "threads a prediction asked for", str(server.asked.threads)
    batch = server.asked.max_batch
    yield "batching asked for", "off" if batch == 1 else f"up to {batch} instances"


def _read_back(digests: Sequence[Digest]) -> Iterator[tuple[str, str]]:
    """The observed settings of the running server over all rounds: one value, or all that were
    seen."""
    seen = [digest.seen for digest in digests if digest.seen is not None]
    threads = {count for digest in digests for count in digest.facts.model_threads}
    columns = {
        "threads a prediction": threads,
        "processes that predicted": {each.predicting for each in seen if each.predicting},
        "largest batch": {each.largest_batch for each in seen if each.largest_batch},
        "processes, the most at once": {each.processes for each in seen if each.processes},
        "threads of all, the most at once": {each.threads for each in seen if each.threads},
    }
    for title, values in columns.items():
        if values:
            yield title, " or ".join(map(str, sorted(values)))
    addresses = dict.fromkeys(address for each in seen for address in each.addresses)
    if addresses:
        yield "address", " or ".join(addresses)
    image = next((d.facts.image for d in digests if d.facts.image), None)
    if image is not None:
        yield "image", f"{image.tag} ({image.id}), on {image.base}"
    container = next((d.facts.container for d in digests if d.facts.container), None)
    if container is not None:
        yield "engine", container.engine
        yield "memory limit", f"{container.memory_limit_bytes / (1 << 20):,.0f} MiB"
        if container.pids_limit:  # a cluster has limits of its own
            yield "processes limit", str(container.pids_limit)
        if container.pod is not None:
            yield "pod", f"on {container.pod.node}, reached at {container.pod.address}"
            if container.pod.via:
                yield "deployed by", container.pod.via


def _findings(row: Row) -> list[tuple[Verdict, str, str, list[int]]]:
    """The findings, heaviest first; sentences that are the same over rounds are merged."""
    merged: dict[tuple[Verdict, str, str], list[int]] = {}
    for number, found in row.findings:
        merged.setdefault((found.verdict, found.name, found.message), []).append(number)
    ordered = sorted(merged.items(), key=lambda item: (_HEAVIEST.index(item[0][0]), item[0][1]))
    return [(*key, rounds) for key, rounds in ordered]


def _numbers(digests: Sequence[Digest]) -> Iterator[tuple[Metric, list[str]]]:
    """Every metric that some round has, round by round."""
    for name, metric in COLUMNS.items():
        values = [digest.values[name] for digest in digests]
        if any(value is not None for value in values):
            texts = [view.number(value, metric.digits) for value in values]
            yield metric, _capacities(digests, texts) if name == "capacity" else texts


def _capacities(digests: Sequence[Digest], texts: list[str]) -> list[str]:
    """With bounds where a round has only those: a capacity of zero is never measured."""
    known = [held.of_estimate(d.found.estimate) if d.found else None for d in digests]
    return [
        text if found is None or found.low is not None else ranking.bounds(found.least, found.most)
        for text, found in zip(texts, known, strict=True)
    ]
