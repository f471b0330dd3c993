"""The results of a tune in sentences, shared by the command line and the report."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.analyse.tune.knob_worth import Effect, Worth
from harness.analyse.tune.outcome import TunedVariant
from harness.search import enough
from harness.search.candidates import Candidate, Lowest
from harness.search.confirmed import Interval
from harness.setup import knobs, slo
from harness.stored.tunings import TODAY

MIB = 1 << 20
_TOO_FEW = "the time was too short, or too few of their starts count"


def answer(found: TunedVariant) -> Iterator[str]:
    """The setting to keep, and how certain that is."""
    if found.chosen is None:
        yield from _none(found)
    elif found.best is None or found.chosen.number == TODAY:
        yield from _keep_today(found)
    else:
        yield _keep_other(found)
    failed = [candidate for candidate in found.candidates if candidate.failed]
    if failed and found.chosen is not None:
        yield f"{_settings(len(failed))} failed; the reasons are beside them."
    doubtful = [candidate for candidate in found.candidates if candidate.doubt]
    if doubtful and found.chosen is not None:
        yield (
            f"Nothing is known of {_settings(len(doubtful))}: the reasons are beside them. A "
            "quieter machine or a longer --search may help."
        )
    yield from found.damaged


def ordered(found: TunedVariant) -> list[Candidate]:
    """The highest capacity first, then those that can't be chosen."""
    return sorted(found.candidates, key=lambda t: (bool(reason(t, found)), -(t.capacity or 0.0)))


def reason(candidate: Candidate, found: TunedVariant) -> str:
    """Why a setting can't be chosen; empty where it can."""
    tuning = found.tuning
    if candidate.failed:
        return f"failed in {candidate.failed}"
    if candidate.doubt:
        return candidate.doubt
    if not candidate.fits(tuning.memory_bytes):
        return f"needs more than {mib(tuning.memory_bytes)}"
    if candidate.capacity is None:
        starts = len(candidate.counted)
        without = sum(outcome.capacity is None for outcome in candidate.counted)
        share = f" in {without} of {starts} starts" if without < starts else ""
        return f"does not meet {tuning.slo}{share}{_nearest(candidate, tuning.slo)}"
    return ""


def per_s(interval: Interval) -> str:
    """A capacity with its interval."""
    return f"{rate(interval.value)}/s ({rate(interval.low)} to {rate(interval.high)})"


def times(interval: Interval) -> str:
    """A ratio with its interval."""
    return f"{interval.value:.2f} times ({interval.low:.2f} to {interval.high:.2f})"


def rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def mib(size: int | None) -> str:
    return "-" if size is None else f"{size / MIB:,.0f} MiB"


def worth(one: Worth) -> str:
    """The worth of a knob in one sentence."""
    if not one.effects:
        return f"{one.knob}: only {one.today} was measured"
    most = max(one.effects, key=lambda effect: abs(math.log(effect.ratio)))
    values = ", ".join(_effect(effect) for effect in one.effects)
    if not one.told_apart:
        return f"{one.knob}: no value is separated from today's {one.today} ({values})"
    told = max(
        (effect for effect in one.effects if effect.told_apart),
        key=lambda effect: abs(math.log(effect.ratio)),
        default=most,
    )
    return (
        f"{one.knob}: {told.value} in place of today's {one.today} is worth {told.ratio:.2f} times "
        f"({told.low:.2f} to {told.high:.2f}) the capacity ({values})"
    )


def _effect(effect: Effect) -> str:
    mark = "" if effect.told_apart else ", not separated"
    return f"{effect.value}: ×{effect.ratio:.2f}{mark}"


def _keep_other(found: TunedVariant) -> str:
    best, today = found.chosen, found.today
    assert best is not None
    mine = found.confirmed.capacity.get(best.number)
    head = f"Keep {knobs.said(best.setting)}: {_known(best, mine)}"
    ratio, theirs = found.confirmed.ratio, found.confirmed.capacity.get(TODAY)
    if ratio is not None and theirs is not None and today is not None:
        return (
            f"{head}, {times(ratio)} today's {per_s(theirs)}; {_starts(found, best.number)} of "
            "each."
        )
    if today is None or today.doubt:
        why = "it was not measured" if today is None else today.doubt
        return f"{head}. Nothing is known of today's setting: {why.rstrip('.')}."
    why = reason(today, found)
    if not why:
        return f"{head}. It was not confirmed beside today's setting: {_TOO_FEW}."
    return f"{head}. Today's setting is ruled out: it {why.rstrip('.')}."


def _keep_today(found: TunedVariant) -> Iterator[str]:
    today, best, confirmed = found.today, found.best, found.confirmed
    assert today is not None
    head = f"Keep today's setting ({knobs.said(today.setting)})"
    yield f"{head}: {_known(today, confirmed.capacity.get(TODAY))}."
    if best is None:
        yield f"None of the {_settings(len(found.candidates) - 1)} beside it qualifies."
        return
    other = f"The best other one, {knobs.said(best.setting)}"
    if confirmed.ratio is None:
        yield f"{other}, was not confirmed beside it: {_TOO_FEW}."
    elif confirmed.told_apart:
        yield f"{other}, reached {times(confirmed.ratio)} that."
    else:
        yield (
            f"{other}, reached {times(confirmed.ratio)} that: not separated by "
            f"{_starts(found, best.number)} of each. {_would_take(found)}"
        )


def in_reach(found: TunedVariant) -> bool:
    """Whether as many starts as anyone would wait for separate the best setting from today's."""
    needed = found.confirmed.needed
    return needed is not None and enough.is_reasonable(needed, _whole_s(found, needed))


def _would_take(found: TunedVariant) -> str:
    """The starts needed to separate them, or the difference that these starts would separate."""
    needed, resolved = found.confirmed.needed, found.confirmed.resolved
    if needed is None or not in_reach(found):
        return (
            "The difference is too small to be separated in reasonable time: these starts separate "
            f"settings that differ by {enough.percent(resolved or 0.0)} or more."
        )
    minutes = math.ceil(_whole_s(found, needed) / 60)
    return (
        f"If they differ that much, it takes about {needed} starts of each to tell: some "
        f"{minutes} minutes in all."
    )


def _whole_s(found: TunedVariant, needed: int) -> float:
    """The budget that so many starts of each would take."""
    outcomes = [outcome for candidate in found.candidates for outcome in candidate.outcomes]
    overhead_s = sum(outcome.overhead_s for outcome in outcomes) / len(outcomes)
    last = max(step.search_s for candidate in found.candidates for step, _ in candidate.runs)
    done = sum(found.confirmed.starts.values())
    return found.tuning.budget_s + max(2 * needed - done, 0) * (overhead_s + last)


def _none(found: TunedVariant) -> Iterator[str]:
    """Why no setting can be kept, and what was nearest."""
    tuning, tried = found.tuning, found.candidates
    measured = [candidate for candidate in tried if not candidate.failed and not candidate.doubt]
    if not measured:
        yield (
            f"Nothing is known: none of {_settings(len(tried))} gave a result. If that is due to "
            "doubtful runs, a longer --search and a quieter machine may help."
        )
        if tried:
            yield f"{knobs.said(tried[0].setting)}: {reason(tried[0], found).rstrip('.')}."
        return
    fit = [candidate for candidate in measured if candidate.fits(tuning.memory_bytes)]
    if not fit:
        least = min(measured, key=lambda candidate: candidate.memory_bytes or 0)
        yield (
            f"None of {_settings(len(tried))} fits into {mib(tuning.memory_bytes)}: the least that "
            f"any needs is {mib(least.memory_bytes)} ({knobs.said(least.setting)})."
        )
        return
    inside = "" if tuning.memory_bytes is None else f" within {mib(tuning.memory_bytes)}"
    near = min(fit, key=lambda candidate: _nearness(_lowest(candidate)))
    yield (
        f"None of {_settings(len(tried))} meets {tuning.slo}{inside}. The nearest was "
        f"{knobs.said(near.setting)}{_nearest(near, tuning.slo)}."
    )


def _lowest(candidate: Candidate) -> Lowest | None:
    """The observation at the lowest tried rate, in the best of the starts that met the SLO at no
    rate."""
    without = [outcome for outcome in candidate.outcomes if outcome.capacity is None]
    seen = [outcome.lowest for outcome in without if outcome.lowest]
    return min(seen, key=_nearness, default=None)


def _nearness(lowest: Lowest | None) -> tuple[float, float]:
    if lowest is None:
        return math.inf, math.inf
    return lowest.over, math.inf if lowest.percentile_ms is None else lowest.percentile_ms


def _nearest(candidate: Candidate, text: str) -> str:
    lowest = _lowest(candidate)
    if lowest is None:
        return ""
    at = f"at {rate(lowest.rate_per_s)}/s"
    percentile = f"p{100 * slo.parse(text).share:g}"
    if lowest.percentile_ms is None:
        return f": {100 * lowest.over:.2g}% of the requests were over the limit {at}"
    return f": its {percentile} was {lowest.percentile_ms:.3g} ms {at}"


def _known(candidate: Candidate, confirmed: Interval | None) -> str:
    if confirmed is not None:
        return per_s(confirmed)
    return f"{rate(candidate.capacity or 0.0)}/s from the search only, not confirmed"


def _starts(found: TunedVariant, number: int) -> str:
    count = found.confirmed.starts[number]
    return f"{count} start{'' if count == 1 else 's'}"


def _settings(count: int) -> str:
    return f"{count} setting{'' if count == 1 else 's'}"
