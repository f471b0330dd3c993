"""Every doubt about a run, in plain words, the heavy ones first."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.analyse.run.findings import Verdict
from harness.report.page.sections import Values, section
from harness.report.page.view import Report

_MEANING = {
    Verdict.INVALID: "the numbers of this run must not be quoted",
    Verdict.WARNING: "look at this before you rely on the number",
    Verdict.NOTE: "good to know",
}
# Failures have a section of their own.
_TOLD_ELSEWHERE = "died"


@dataclass(slots=True)
class FindingLine:
    """One sentence about one variant, in one or more rounds."""

    subject: str
    message: str
    rounds: list[int] = field(default_factory=list)


@section("Findings", order=50)
def findings(report: Report) -> Values | None:
    groups = [
        {
            "verdict": verdict,
            "meaning": meaning,
            "kinds": kinds,
            "count": sum(len(doubts) for doubts in kinds.values()),
        }
        for verdict, meaning in _MEANING.items()
        if (kinds := _kinds(report, verdict))
    ]
    return {"groups": groups, "runs": len(report.digested.digests)}


def _kinds(report: Report, verdict: Verdict) -> dict[str, list[FindingLine]]:
    """The doubts of one weight by kind, sentences that are the same over rounds merged."""
    kinds: dict[str, dict[tuple[str, str], FindingLine]] = {}
    for digest in report.digested.digests:
        subject = f"{digest.cell.variant_name} on {digest.cell.benchmark_name}"
        for finding in digest.findings:
            if finding.verdict is not verdict or finding.name == _TOLD_ELSEWHERE:
                continue
            key = (subject, finding.message)
            doubts = kinds.setdefault(finding.name, {})
            doubts.setdefault(key, FindingLine(*key)).rounds.append(digest.cell.round)
    return {
        name: sorted(doubts.values(), key=lambda doubt: (doubt.subject, min(doubt.rounds)))
        for name, doubts in sorted(kinds.items())
    }
