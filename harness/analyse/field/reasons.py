"""Why a variant is slower than the best of its track: a sentence, from where the time goes.

Pure functions. Both are seen in the steady window, under the same load. The unit is the round, as
in `paired`: a fresh start moves the mean by more than all requests after it tell. By how much two
rounds of a difference differ, as a share of the mean, is learnt from all variants of the track
together where they are many: two rounds of one alone tell little of that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.analyse.field import paired
from harness.analyse.field.comparison import Comparison, Row
from harness.analyse.run import breakdown
from harness.analyse.run.breakdown import PARTS, Breakdown

Kind = Literal["best", "apart", "noise", "one round", "unknown"]

WHERE = {
    "generator_ms": "in the generator",
    "transport_ms": "on the way",
    "before_ms": "before the model",
    "waiting_ms": "waiting",
    "model_ms": "in the model",
    "after_ms": "after the model",
}
_MOST = 0.6  # share of a difference that one part has to have, for no second to be named
_WORTH = 0.15  # share of it that a second part has to have
_LEAST_MS = 0.005  # is written as 0.01
_TOGETHER = 6  # degrees of freedom from which on the noise of all is worth more than one's own


@dataclass(frozen=True, slots=True)
class Reason:
    """How a variant's mean response time differs from that of the best of its track, and where."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class RoundNoise:
    """The variance of a difference between rounds, over all variants of a track."""

    variance: float  # of a round's difference, as a share of the mean response time
    freedom: int

    def reach(self, mean_ms: float, rounds: int) -> float:
        """Half of the interval of paired.CONFIDENCE, in ms."""
        return paired.student(self.freedom) * mean_ms * math.sqrt(self.variance / rounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraTime:
    """Milliseconds that a mean request takes longer than elsewhere; below zero: shorter."""

    total: float
    reach: float  # half of the interval of paired.CONFIDENCE; infinite where nothing tells it
    parts: Mapping[str, float]
    rounds: int

    @property
    def apart(self) -> bool:
        """Whether there is a difference beyond the noise."""
        return abs(self.total) > self.reach and abs(self.total) >= _LEAST_MS


def of_comparison(comparison: Comparison) -> dict[str, Reason]:
    """The reasons by variant, references aside."""
    rows = [row for row in comparison.rows if not row.server.reference]
    split = {row.variant: by_round(row) for row in rows}
    found = {}
    for row in rows:
        ranked = [r for r in rows if r.rank and r.server.track == row.server.track]
        best = next((r for r in ranked if split[r.variant]), None)
        others = [split[r.variant] for r in ranked if r is not best]
        noise = together(others, split[best.variant]) if best is not None else None
        found[row.variant] = _reason(row, best, split, noise)
    return found


def together(
    others: Sequence[Mapping[int, Breakdown]], best: Mapping[int, Breakdown]
) -> RoundNoise | None:
    """The noise of all differences from the best; None where too few have several rounds."""
    squares, freedom = 0.0, 0
    for ours in others:
        rounds = sorted(ours.keys() & best.keys())
        totals = [ours[r].response_ms - best[r].response_ms for r in rounds]
        if len(rounds) > 1:
            mean_ms, middle = _mean([ours[r].response_ms for r in rounds]), _mean(totals)
            squares += sum(((total - middle) / mean_ms) ** 2 for total in totals)
            freedom += len(rounds) - 1
    return RoundNoise(squares / freedom, freedom) if freedom >= _TOGETHER else None


def by_round(row: Row) -> dict[int, Breakdown]:
    """The parts of the response time in each round that counts and could be split."""
    known = {d.cell.round: d.breakdown for d in row.digests if not d.invalid}
    return {number: found for number, found in known.items() if found is not None}


def excess(
    ours: Mapping[int, Breakdown], theirs: Mapping[int, Breakdown], noise: RoundNoise | None = None
) -> ExtraTime | None:
    """Ours less theirs, round by round; None where no round has both."""
    rounds = sorted(ours.keys() & theirs.keys())
    if not rounds:
        return None
    totals = [ours[r].response_ms - theirs[r].response_ms for r in rounds]
    parts = {
        name: _mean([ours[r].parts()[name] - theirs[r].parts()[name] for r in rounds])
        for name in PARTS
    }
    mean_ms = _mean([ours[r].response_ms for r in rounds])
    reach = noise.reach(mean_ms, len(rounds)) if noise is not None else _reach(totals)
    return ExtraTime(total=_mean(totals), reach=reach, parts=parts, rounds=len(rounds))


def sentence(found: ExtraTime, than: str) -> str:
    """The difference in words."""
    said = f"{_ms(abs(found.total))} {_more(found.total)} than {than}"
    if found.reach == math.inf:
        return f"{said}{_split(found)}; one round does not show how much of it is due to chance"
    low, high = found.total - found.reach, found.total + found.reach
    ends = sorted((abs(low), abs(high))) if found.apart else (low, high)
    said += f" ({_number(ends[0])} to {_number(ends[1])})"
    if not found.apart:
        return f"within the noise: {said}"
    return said + _split(found)


def _reason(
    row: Row,
    best: Row | None,
    split: Mapping[str, Mapping[int, Breakdown]],
    noise: RoundNoise | None,
) -> Reason:
    if row.rank is None:
        return Reason("unknown", "not ranked, so not compared")
    ours = split[row.variant]
    if not ours:
        return Reason("unknown", f"not split: {_unsplit(row)}")
    if best is None or best is row:
        mean = breakdown.mean(ours.values())
        return Reason("best", _of_best(mean) if mean else "")
    found = excess(ours, split[best.variant], noise)
    if found is None:
        return Reason("unknown", f"not compared: no round of both it and {best.variant} counts")
    untold = found.reach == math.inf
    kind: Kind = "one round" if untold else "apart" if found.apart else "noise"
    return Reason(kind, sentence(found, best.variant))


def _of_best(mean: Breakdown) -> str:
    name, most = max(mean.parts().items(), key=lambda pair: pair[1])
    return (
        f"the others of its track are compared with it: {_ms(mean.response_ms)} a request, "
        f"of which {_ms(most)} {WHERE[name]}"
    )


def _unsplit(row: Row) -> str:
    windows = [w for d in row.digests if not d.invalid for w in d.facts.profiles]
    if not any(window.profile.is_open for window in windows):
        return "it has no steady window"
    return "no predictor call was seen for most of its answers"


def _split(found: ExtraTime) -> str:
    """The parts that explain most of the difference."""
    sign = math.copysign(1.0, found.total)
    ordered = sorted(found.parts.items(), key=lambda pair: -sign * pair[1])
    first, second = ordered[0], ordered[1]
    size = abs(found.total)
    if sign * first[1] < _LEAST_MS:
        return ""
    if sign * first[1] <= 1.005 * size:
        said = f", of which {_ms(abs(first[1]))} {WHERE[first[0]]}"
        if sign * first[1] < _MOST * size and sign * second[1] >= _WORTH * size:
            said += f" and {_ms(abs(second[1]))} {WHERE[second[0]]}"
        return said
    # One part alone is more than all: another makes up for some of it.
    last = ordered[-1]
    return (
        f": {_ms(abs(first[1]))} {_more(first[1])} {WHERE[first[0]]}, "
        f"{_ms(abs(last[1]))} {_more(last[1])} {WHERE[last[0]]}"
    )


def _reach(totals: Sequence[float]) -> float:
    if len(totals) == 1:
        return math.inf
    middle, free = _mean(totals), len(totals) - 1
    variance = sum((total - middle) ** 2 for total in totals) / free
    return paired.student(free) * math.sqrt(variance / len(totals))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _more(value: float) -> str:
    return "more" if value >= 0 else "less"


def _ms(value: float) -> str:
    return f"{_number(value)} ms"


def _number(value: float) -> str:
    digits = 2 if abs(value) < 1 else 1 if abs(value) < 100 else 0
    text = f"{value:,.{digits}f}"
    return text.replace("-", "−") if text.strip("-0.,") else "0"
