"""Failures: failed runs with the end of their log, damaged files, cells not run."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.report.page.sections import Values, section
from harness.report.page.view import Report
from harness.stored.records import Failure


@dataclass(slots=True, kw_only=True)
class Failed:
    """One way a variant failed, in one or more rounds."""

    variant: str
    benchmark: str
    failure: Failure
    rounds: list[int] = field(default_factory=list)


@section("Failures", order=40)
def failures(report: Report) -> Values | None:
    digested = report.digested
    failed: dict[tuple[str, ...], Failed] = {}
    for digest in digested.digests:
        failure = digest.facts.failure
        if failure is not None:
            cell = digest.cell
            key = (cell.variant_name, cell.benchmark_name, failure.phase, failure.message)
            entry = failed.setdefault(
                key,
                Failed(variant=cell.variant_name, benchmark=cell.benchmark_name, failure=failure),
            )
            entry.rounds.append(cell.round)
    missing: dict[str, list[int]] = {}
    for cell in digested.missing:
        missing.setdefault(f"{cell.variant_name} on {cell.benchmark_name}", []).append(cell.round)
    # The campaign's folder differs from machine to machine; the report must not.
    root = f"{report.digested.folder}/"
    damaged = [(found.cell, found.message.replace(root, "")) for found in digested.damaged]
    if not (failed or missing or damaged):
        return None
    return {"failed": list(failed.values()), "missing": missing, "damaged": damaged}
