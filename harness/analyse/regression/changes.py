"""Changes from one campaign to another, or between two revisions in one campaign.

The ratios are those by which a report tells variants apart (`comparison`, `paired`): round by
round, and request by request where both fired the same schedule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.analyse.field import comparison
from harness.analyse.field.comparison import COLUMNS, Row
from harness.analyse.regression import comparable, noise
from harness.analyse.regression.differences import Changes, Pair
from harness.analyse.regression.gate import Wanted
from harness.analyse.regression.judging import Floors, judged, refused
from harness.analyse.regression.noise import Noise
from harness.analyse.run.digested import Digested
from harness.base.errors import UsageError, unknown
from harness.stored.identity import PREDICTOR, Key, Subject, benchmark_name, subject_name

Rows = dict[Key, Row]


def of_campaigns(
    base: Digested,
    new: Digested,
    wanted: Wanted,
    renamed: Mapping[str, str],
) -> Changes:
    """Two campaigns; `renamed` has new names by old ones, of variants as reports call them or of
    a variant wherever it runs. Raises UsageError where one has no run.

    Noise is how variants differ from round to round: other days are further apart than that, so
    whatever the reference in process did from the one to the other is not told either.
    """
    _require_known(renamed, base)
    now = _rows(new)
    old = {_renamed(row, renamed, now): row for row in _rows(base).values()}
    pairs = [
        Pair(
            base=old[key],
            new=row,
            same_load=comparable.same_load(
                *(d.campaign.benchmarks.get(row.cell.benchmark_name) for d in (base, new))
            ),
            reference=row.server.reference,
        )
        for key, row in now.items()
        if key in old
    ]
    asked = _asked(pairs, wanted)
    why_not = [
        *comparable.campaigns(base.campaign, new.campaign, _benchmarks(asked)),
        *_strangers(asked),
    ]
    labels, damaged = (base.campaign.id, new.campaign.id), (*_damaged(base), *_damaged(new))
    if why_not:
        return refused(labels, dict.fromkeys(why_not), damaged)
    floors = Floors(_from_round_to_round([old, now]), _host(pairs))
    notes = (*comparable.notes(base.campaign, new.campaign), *_alone(old, now, labels))
    return judged(labels, asked, floors, wanted, (*notes, *_gaps(base), *_gaps(new)), damaged)


def of_revisions(
    digested: Digested,
    wanted: Wanted,
    more: Sequence[Digested] = (),
) -> Changes:
    """The two revisions of a campaign that was run --against one.

    Noise is what those pairs show in which no file differs, here and in `more` campaigns of that
    kind; where there is none, how variants differ from round to round.
    """
    against = digested.campaign.against
    if against is None:
        raise UsageError(
            f"{digested.campaign.id} has one revision, because it was not run with --against: "
            "name a second campaign to compare it with."
        )
    rows = _rows(digested)
    pairs = list(_revised(digested, rows))
    labels = (against.name, "this revision")
    damaged = tuple(_damaged(digested))
    if not _asked(pairs, wanted):
        return refused(labels, ("no variant ran in both revisions",), damaged)
    for other in more:
        _require_same_kind(other, digested, _benchmarks(pairs))
    beside = [pair for each in (digested, *more) for pair in alike(each)]
    floors = Floors({**_from_round_to_round([rows]), **_from_alike(beside)})
    left_out = [f"{what}: {why}" for what, why in digested.campaign.left_out]
    notes = (*left_out, *_gaps(digested))
    return judged(labels, _asked(pairs, wanted), floors, wanted, notes, damaged)


def alike(digested: Digested) -> list[Pair]:
    """Pairs of a campaign's revisions in which no file differs, and whose numbers count."""
    found = _revised(digested, _rows(digested))
    return [pair for pair in found if pair.unchanged and pair.counts]


def _rows(digested: Digested) -> Rows:
    """Its rows. Raises UsageError where nothing ran."""
    if not digested.digests:
        name = digested.campaign.id
        why = "; ".join(_damaged(digested)) or f"continue it with run --resume {name}"
        raise UsageError(f"{name} has no finished run, so there is nothing to compare: {why}.")
    return {row.cell.key: row for found in comparison.compare(digested) for row in found.rows}


def _renamed(row: Row, renamed: Mapping[str, str], now: Rows) -> Key:
    """The key of a row under its new name, in a container too."""
    subject, benchmark, point = row.cell.key
    if row.variant not in renamed:
        own = renamed.get(subject.variant, subject.variant)
        return replace(subject, variant=own), benchmark, point
    name = renamed[row.variant]
    called = (
        key
        for key, r in now.items()
        if (r.variant, r.cell.benchmark_name) == (name, row.cell.benchmark_name)
    )
    return next(called, (Subject(name), benchmark, None))


def _require_known(renamed: Mapping[str, str], base: Digested) -> None:
    planned = {cell.variant_name for cell in base.campaign.cells}
    planned |= {cell.subject.variant for cell in base.campaign.cells}
    for old in renamed:
        if old not in planned:
            raise unknown(f"variant of {base.campaign.id}", old, planned)


def _revised(digested: Digested, rows: Rows) -> Iterator[Pair]:
    """Each variant of this revision with the other's."""
    against = digested.campaign.against
    for (subject, benchmark, point), row in rows.items():
        if against is None or subject.revision is not None:
            continue
        other = rows.get((replace(subject, revision=against.name), benchmark, point))
        if other is not None:
            content = row.server.content
            alike = bool(content) and content == other.server.content
            yield Pair(base=other, new=row, same_load=True, unchanged=alike)


def _require_same_kind(other: Digested, digested: Digested, benchmarks: list[str]) -> None:
    """Noise of another machine or another load is not the noise of this one. Raises UsageError."""
    reasons = list(comparable.campaigns(other.campaign, digested.campaign, benchmarks))
    if other.campaign.against is None:
        reasons.insert(0, "it was not run with --against")
    if reasons:
        raise UsageError(f"The noise of {other.campaign.id} can't be used: {'; '.join(reasons)}.")


def _asked(pairs: Sequence[Pair], wanted: Wanted) -> list[Pair]:
    return [pair for pair in pairs if wanted.takes(pair.variant, pair.benchmark)]


def _benchmarks(pairs: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(pair.benchmark for pair in pairs))


def _strangers(pairs: Sequence[Pair]) -> Iterator[str]:
    if not pairs:
        yield (
            "no variant ran in both on the same benchmark (if one was renamed: --rename OLD=NEW)"
        )
    for pair in pairs:
        yield from comparable.variants(pair.variant, pair.base, pair.new)


def _from_alike(pairs: Sequence[Pair]) -> dict[tuple[str, str], Noise]:
    """The noise of each benchmark's metrics in pairs in which no file differs."""
    found: dict[tuple[str, str], Noise] = {}
    for benchmark in _benchmarks(pairs):
        sides = [(pair.new, pair.base) for pair in pairs if pair.benchmark == benchmark]
        known = noise.estimate(noise.beside(sides), noise.BESIDE)
        found |= {(benchmark, metric): each for metric, each in known.items()}
    return found


def _from_round_to_round(sides: Sequence[Rows]) -> dict[tuple[str, str], Noise]:
    """The noise of each benchmark's metrics in rounds that follow each other."""
    found: dict[tuple[str, str], Noise] = {}
    every = [row for rows in sides for row in rows.values()]
    for benchmark in dict.fromkeys(row.cell.benchmark_name for row in every):
        ours = [row for row in every if row.cell.benchmark_name == benchmark and not row.invalid]
        known = noise.estimate(noise.next_rounds(ours), noise.NEXT_ROUND)
        found |= {(benchmark, metric): each for metric, each in known.items()}
    return found


def _host(pairs: Sequence[Pair]) -> dict[tuple[str, str], float]:
    """How much the reference in process moved, which no framework did."""
    moved = {}
    for pair in pairs:
        if pair.new.canary == PREDICTOR and pair.counts:
            for name, metric in COLUMNS.items():
                found = noise.logs(pair.new, pair.base, metric, same_load=pair.same_load)
                if found:
                    mean = sum(found.values()) / len(found)
                    moved[pair.benchmark, name] = math.expm1(min(abs(mean), 700.0))
            # It is what overhead counts from, and has none itself: all times are longer.
            moved[pair.benchmark, "overhead"] = moved.get((pair.benchmark, "latency_p50"), 0.0)
    return moved


def _alone(old: Rows, now: Rows, labels: tuple[str, str]) -> Iterator[str]:
    """The rows that only one of the two has."""
    for label, ours, theirs in ((labels[0], old, now), (labels[1], now, old)):
        names = [
            f"{subject_name(subject, point)} on {benchmark_name(benchmark, point)}"
            for subject, benchmark, point in ours.keys() - theirs.keys()
        ]
        if names:
            yield f"only in {label}: {', '.join(sorted(names))}"


def _gaps(digested: Digested) -> Iterator[str]:
    """The unfinished part of a campaign."""
    missing, planned = len(digested.missing), len(digested.campaign.cells)
    if missing:
        yield (
            f"{digested.campaign.id} was not finished: {missing} of {planned} cells have not run; "
            "the rounds that both have are compared"
        )


def _damaged(digested: Digested) -> Iterator[str]:
    return (f"{found.cell}: {found.message}" for found in digested.damaged)
