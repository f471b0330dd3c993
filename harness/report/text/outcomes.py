"""The outcomes of a report's runs, in words."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analyse.campaigns.summary import RunCounts
from harness.analyse.field.comparison import Row
from harness.analyse.run.digested import Damaged, Digested
from harness.analyse.run.findings import Verdict
from harness.report.page import view

# Failures are told as such.
_TOLD_ELSEWHERE = "died"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedFinding:
    """A finding that is the same in some rounds of a row."""

    name: str
    verdict: Verdict
    message: str
    rounds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mishap:
    """The reason why some rounds of a row do not count."""

    what: str
    why: str
    rounds: tuple[int, ...]


def counted(counts: RunCounts) -> list[tuple[str, int, str]]:
    """(kind, count, noun) of what became of the planned runs; what became of none is left out."""
    known = [
        ("ok", counts.ok, "ok"),
        ("invalid", counts.invalid, "INVALID"),
        ("failed", counts.failed, "failed"),
        ("failed", counts.damaged, "damaged"),
        ("invalid", counts.missing, "not run"),
    ]
    return [each for each in known if each[1]]


def outcome(row: Row) -> str:
    """`ok`, or why none of its numbers counts: `failed` or `INVALID`."""
    if row.failures and len(row.failures) == row.rounds:
        return "failed"
    return "INVALID" if row.invalid else "ok"


def why_out(row: Row) -> str | None:
    """Why a row is not ranked; None where it is, or is a reference that counts."""
    counts = not row.invalid if row.server.reference else row.rank is not None
    return None if counts else view.reason(row)


def doubts(row: Row) -> list[RepeatedFinding]:
    """The findings of a row, the heavy ones first, the same in several rounds as one."""
    grouped: dict[tuple[Verdict, str, str], list[int]] = {}
    for number, finding in row.findings:
        if finding.name != _TOLD_ELSEWHERE:
            key = (finding.verdict, finding.name, finding.message)
            grouped.setdefault(key, []).append(number)
    found = [
        RepeatedFinding(name=name, verdict=verdict, message=message, rounds=tuple(sorted(rounds)))
        for (verdict, name, message), rounds in grouped.items()
    ]
    weight = list(reversed(Verdict))
    return sorted(found, key=lambda doubt: (weight.index(doubt.verdict), doubt.rounds))


def mishaps(row: Row) -> list[Mishap]:
    """Failed and INVALID rounds of a row; several rounds as one where the reason is of one kind,
    in the words of the first."""
    grouped: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for each in sorted(row.digests, key=lambda found: found.cell.round):
        failure = each.facts.failure
        if failure is not None:
            what = f"failed ({failure.phase})"
            kind, why = failure.message, failure.message
        elif each.invalid:
            first = next(f for f in each.findings if f.verdict is Verdict.INVALID)
            what, kind, why = "INVALID", first.name, first.message
        else:
            continue
        grouped.setdefault((what, kind), []).append((each.cell.round, why))
    return [
        Mishap(what, found[0][1], tuple(number for number, _ in found))
        for (what, _), found in grouped.items()
    ]


def damage(found: Damaged, digested: Digested) -> str:
    """The damage, without the campaign's folder, which differs from machine to machine."""
    return found.message.replace(f"{digested.folder}/", "")
