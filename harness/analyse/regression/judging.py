"""Pairs of rows, then and now, metric by metric: what changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.analyse.field import comparison, paired
from harness.analyse.field.comparison import COLUMNS, Row
from harness.analyse.field.paired import Ratio
from harness.analyse.regression import noise
from harness.analyse.regression.differences import Change, Changes, Pair, Shown
from harness.analyse.regression.gate import Judgement, Wanted, verdict
from harness.analyse.regression.noise import Noise
from harness.analyse.run.digested import Digest
from harness.analyse.run.findings import Verdict as Weight
from harness.analyse.run.metrics import Metric
from harness.analyse.statistics.stats import Spread
from harness.stored.identity import BENCHMARK, PREDICTOR

OUTCOME = Metric(
    name="outcome",
    title="valid",
    unit="rounds",
    better="higher",
    definition="Rounds that neither failed nor are INVALID because of the server.",
    formula=lambda _: None,
    digits=0,
    effect=None,
)
# INVALID for what the server did; for the others, the host or the generator was at fault.
ACCUSING = frozenset(
    (
        *("died", "wrong-answers", "errors", "fails-on-unseen"),
        *("answers-from-a-cache", "answers-before-predicting"),
    )
)
_FEWEST = 2  # rounds that must fail, before a variant is said to be broken


@dataclass(frozen=True, slots=True)
class Floors:
    """Below which changes are not told, by benchmark and metric name."""

    noise: Mapping[tuple[str, str], Noise]
    host: Mapping[tuple[str, str], float] = field(default_factory=dict)  # what the host did
    among: int = 1  # variants that a gate may stop for: one of many is sooner unlucky

    def smallest(self, pair: Pair, metric: Metric, rounds: int) -> float | None:
        """The smallest change that so many rounds of a pair can show."""
        key = (pair.benchmark, metric.name)
        if key not in self.noise:
            return None
        moved = 0.0 if pair.reference else self.host.get(key, 0.0)
        return max(self.noise[key].smallest(rounds, self.among), moved)


def judged(
    labels: tuple[str, str],
    pairs: Sequence[Pair],
    floors: Floors,
    wanted: Wanted,
    notes: Sequence[str],
    damaged: Sequence[str],
) -> Changes:
    """Every change of every pair."""
    floors = replace(floors, among=max(1, sum(pair.stops for pair in pairs)))
    rows = tuple(row for pair in pairs for row in _of_pair(pair, floors, wanted))
    shown = tuple(_shown(rows, floors))
    base, new = labels
    return Changes(
        base=base, new=new, rows=rows, shown=shown, notes=tuple(notes), damaged=tuple(damaged)
    )


def refused(labels: tuple[str, str], why_not: Iterable[str], damaged: Sequence[str]) -> Changes:
    """The result for two campaigns or revisions that are not comparable."""
    base, new = labels
    return Changes(base=base, new=new, why_not=tuple(why_not), damaged=tuple(damaged))


def _of_pair(pair: Pair, floors: Floors, wanted: Wanted) -> Iterator[Change]:
    outcome = _outcome(pair)
    if outcome is not None:
        yield outcome
    if not pair.counts:
        return
    for name, metric in COLUMNS.items():
        effect = wanted.effect(metric)
        if effect is None or (name == "overhead" and pair.new.canary == PREDICTOR):
            continue
        change = _change(pair, metric, effect, floors)
        if change is not None:
            yield change


def _change(pair: Pair, metric: Metric, effect: float, floors: Floors) -> Change | None:
    """None where one of them has no such number."""
    base, new = noise.numbers(pair.base, metric), noise.numbers(pair.new, metric)
    if not base or not new:
        return None
    found = noise.logs(pair.new, pair.base, metric, same_load=pair.same_load)
    common = sum(comparison.shared(row, metric.name) for row in (pair.base, pair.new))
    ratio = paired.of_logs(found, shared=common) or _of_zeros(base, new, metric)
    smallest = floors.smallest(pair, metric, ratio.rounds) if ratio is not None else None
    said = Judgement.UNSURE
    if ratio is not None:
        better = "higher" if noise.counts_failures(metric) else metric.better
        said = verdict(ratio, better, effect, smallest)
    gates = pair.stops and smallest is not None
    return Change(
        key=pair.new.cell.key,
        metric=metric,
        base=pair.base.spreads[metric.name],
        new=pair.new.spreads[metric.name],
        ratio=ratio,
        verdict=said,
        effect=effect,
        smallest=smallest,
        gates=gates,
        note=_note(pair, metric, ratio, base, new),
    )


def _of_zeros(base: Mapping[int, float], new: Mapping[int, float], metric: Metric) -> Ratio | None:
    """The ratio if every round of one side is zero, for a metric of which more is better."""
    rounds = len(base.keys() & new.keys())
    if rounds < _FEWEST or metric.better != "higher":
        return None
    if not any(new.values()) and min(base.values()) > 0:
        return Ratio(0.0, 0.0, 0.0, rounds)
    if not any(base.values()) and min(new.values()) > 0:
        return Ratio(math.inf, math.inf, math.inf, rounds)
    return None


def _note(
    pair: Pair,
    metric: Metric,
    ratio: Ratio | None,
    base: Mapping[int, float],
    new: Mapping[int, float],
) -> str:
    notes = []
    if ratio is None:
        both = base.keys() & new.keys()
        notes.append("zero has no ratio" if both else "no round has both")
    elif ratio.rounds == 1:
        notes.append("one round: the difference between rounds is not known")
    if noise.counts_failures(metric):
        notes.append("the ratio compares the shares that did not fail")
    if pair.unchanged:
        notes.append("no file differs, so this is chance")
    return "; ".join(notes)


def _outcome(pair: Pair) -> Change | None:
    """Whether its rounds are valid; None if all are, in both."""
    base, new = pair.base.digests, pair.new.digests
    broke, breaks = (sum(map(_broken, digests)) for digests in (base, new))
    if not (broke or breaks or pair.base.invalid or pair.new.invalid):
        return None
    said = Judgement.UNSURE
    if breaks == len(new) >= _FEWEST and not broke:
        said = Judgement.WORSE
    elif broke == len(base) >= _FEWEST and not breaks:
        said = Judgement.BETTER
    note = "; ".join(
        f"{when}: {why}"
        for when, row in (("before", pair.base), ("now", pair.new))
        if (why := _why(row))
    )
    came = [
        Spread(whole - count, whole - count, whole - count, whole)
        for count, whole in ((broke, len(base)), (breaks, len(new)))
    ]
    return Change(
        key=pair.new.cell.key,
        metric=OUTCOME,
        base=came[0],
        new=came[1],
        ratio=None,
        verdict=said,
        effect=0.0,
        smallest=None,
        gates=pair.stops,
        note=note,
    )


def _broken(digest: Digest) -> bool:
    """Whether it failed, or is INVALID for what the server did."""
    return any(f.verdict is Weight.INVALID and f.name in ACCUSING for f in digest.findings)


def _why(row: Row) -> str:
    """The first reason for which a round of it does not count, and how many do not."""
    bad = [digest for digest in row.digests if digest.invalid]
    reasons = [f.message for d in bad for f in d.findings if f.verdict is Weight.INVALID]
    return f"{len(bad)} of {len(row.digests)} rounds do not count: {reasons[0]}" if reasons else ""


def _sees(row: Change) -> tuple[int, float]:
    """Orders changes by rounds, and then by what they can't show because of the host."""
    return row.ratio.rounds if row.ratio is not None else 0, row.smallest or 0.0


def _shown(rows: Sequence[Change], floors: Floors) -> Iterator[Shown]:
    """The smallest change that each metric can show on each benchmark, from the pair with the most
    rounds."""
    best: dict[tuple[str, str], Change] = {}
    for row in rows:
        key = (row.benchmark, row.metric.name)
        if row.ratio is not None and (key not in best or _sees(row) > _sees(best[key])):
            best[key] = row
    for (benchmark, name), row in best.items():
        known = floors.noise.get((benchmark, name))
        gates = any(r.gates for r in rows if (r.benchmark, r.metric.name) == (benchmark, name))
        rounds, _ = _sees(row)
        source = known.source if known is not None else "not known"
        _, plain, point = row.key
        yield Shown(
            benchmark=benchmark,
            plain_benchmark=plain,
            point=point if point is not None and point.varies == BENCHMARK else None,
            metric=row.metric,
            effect=row.effect,
            smallest=row.smallest,
            rounds=rounds,
            gates=gates,
            source=source,
        )
