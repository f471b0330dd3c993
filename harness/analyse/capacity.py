"""What a search found: what `harness capacity` prints and the report plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from harness import probes, search, slo
from harness.analyse import stats
from harness.records import Run, Window
from harness.search import Estimate, Ruling
from harness.slo import Slo


@dataclass(frozen=True, slots=True)
class Step:
    """One probe of a search's path."""

    rate_per_s: float
    requests: int
    over: int  # failed, or slower than the SLO's limit
    percentile_ms: float | None  # the SLO's, of those that were answered
    ruling: Ruling
    disturbed: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A search's answer and its path, in order."""

    slo: Slo
    estimate: Estimate
    steps: tuple[Step, ...]


# A metric, a finding and the digest of one run ask for the same.
_FOUND: WeakKeyDictionary[Run, Found] = WeakKeyDictionary()


def of_probes(windows: Sequence[Window], wanted: Slo) -> Found:
    """The answer that a search's probes give."""
    steps = []
    for window in windows:
        tally = probes.tally(window.requests, window.facts.profile.rate_per_s or 0.0, wanted)
        response_ms = window.requests.response_ns() / 1e6
        steps.append(
            Step(
                tally.rate_per_s,
                tally.requests,
                tally.over,
                stats.percentile(response_ms, wanted.share),
                search.ruling([tally], wanted),
                probes.disturbed(window, wanted),
            )
        )
    return Found(wanted, search.estimate(probes.counted(windows, wanted), wanted), tuple(steps))


def of_run(run: Run) -> Found | None:
    """What a run's search found; None where nothing was searched for."""
    if run.facts.search is None or not run.probes:
        return None
    if run not in _FOUND:
        _FOUND[run] = of_probes(run.probes, slo.parse(run.facts.search.slo))
    return _FOUND[run]


def as_json(found: Found) -> dict[str, Any]:
    """One entry of `results` in `capacity --json`."""
    estimate = found.estimate
    return {
        "capacity": estimate.rate_per_s,
        "interval": [estimate.low, estimate.high],
        "met": estimate.rate_per_s is not None,
        "probes": [
            {
                "rate": step.rate_per_s,
                "requests": step.requests,
                "over": step.over,
                "held": step.ruling == "holds",
                "ruling": step.ruling,
            }
            for step in found.steps
        ],
    }


def sentence(found: Found) -> str:
    """The answer, for a person."""
    estimate = found.estimate
    count = f"{len(found.steps)} probes"
    if estimate.rate_per_s is None:
        if estimate.high is None:
            return f"nothing is known: none of {count} counts"
        return f"{found.slo} is met at no rate that was tried, down to {estimate.high:.1f}/s"
    if estimate.high is None:
        return f"at least {estimate.rate_per_s:.1f}/s: no rate that was tried was too much"
    if estimate.bracketed:
        return (
            f"between {estimate.low:.1f} and {estimate.high:.1f}/s at {found.slo}: the first holds "
            f"it, the second does not, and nothing between was tried ({count})"
        )
    return (
        f"{estimate.rate_per_s:.1f}/s at {found.slo} (95% interval {estimate.low:.1f} to "
        f"{estimate.high:.1f}; {count})"
    )


def path(found: Found) -> Iterator[str]:
    """The search's path, a line each."""
    for step in found.steps:
        time = "-" if step.percentile_ms is None else f"{step.percentile_ms:.1f}"
        lines = (
            f"{step.rate_per_s:10.1f}/s  {step.over:6d} of {step.requests:6d} over  {time:>8} ms"
        )
        yield f"{lines}  {'disturbed' if step.disturbed else step.ruling}"
