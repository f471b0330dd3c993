"""A capacity in words: what `harness capacity` prints and the report repeats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.analyse.run.capacity import Basis, Found, ProbeStep
from harness.search.search import Estimate

_BASIS: dict[Basis, str] = {
    "law": "; by the law of its queue",
    "both": "; with the shape of a queue's law",
    "probes": "",
}


def as_json(found: Found) -> dict[str, Any]:
    """One entry of `results` in `capacity --json`."""
    estimate = found.estimate
    return {
        "capacity": estimate.rate_per_s,
        "interval": [estimate.low, estimate.high],
        "met": estimate.rate_per_s is not None,
        "ended": found.ended or None,
        "basis": found.basis,
        "confirmed": found.confirmed and estimate != Estimate(None, None, None),
        "probes": [
            {
                "rate": step.rate_per_s,
                "requests": step.requests,
                "over": step.over,
                "percentile_ms": step.percentile_ms,
                "beyond": step.beyond or None,
                "failed": step.failed or None,
                "held": step.ruling == "holds",
                "ruling": step.ruling,
            }
            for step in found.steps
        ],
    }


def sentence(found: Found) -> str:
    """The answer, as a sentence."""
    estimate = found.estimate
    count = f"{len(found.steps)} probes"
    if estimate.rate_per_s is None:
        if estimate.high is None:
            return f"nothing is known: {_why_nothing(found)}"
        ended = f": {found.ended}" if found.ended else ""
        return f"{found.slo} is met at no tried rate, down to {estimate.high:.1f}/s{ended}"
    if estimate.high is None:
        return f"at least {estimate.rate_per_s:.1f}/s: every tried rate met it"
    if estimate.bracketed:
        return (
            f"between {estimate.low:.1f} and {estimate.high:.1f}/s at {found.slo}: the first "
            f"meets it, the second does not, and no rate between was tried ({count})"
        )
    basis = _BASIS[found.basis]
    if not found.confirmed:
        basis += ", which no probe near that rate confirms"
    return (
        f"{estimate.rate_per_s:.1f}/s at {found.slo} (95% interval {estimate.low:.1f} to "
        f"{estimate.high:.1f}; {count}{basis})"
    )


def _why_nothing(found: Found) -> str:
    if found.ended:
        return found.ended
    if not found.steps:
        return "there was no time for a probe"
    disturbed = sum(step.disturbed for step in found.steps)
    doubt = "has too few requests for a decision"
    if disturbed:
        doubt = (
            f"was disturbed ({disturbed}: the generator was late, or the host's CPUs were taken)"
        )
        doubt += " or has too few requests" if disturbed < len(found.steps) else ""
    return f"none of {len(found.steps)} probes counts: each {doubt}"


def _failed(step: ProbeStep) -> str:
    return f"; failed: {step.failed}" if step.failed else ""


def path(found: Found) -> Iterator[str]:
    """The search's path, a line each."""
    for step in found.steps:
        time = step.beyond or "-"
        if step.percentile_ms is not None:
            time = f"{step.percentile_ms:.1f} ms"
        lines = f"{step.rate_per_s:10.1f}/s  {step.over:6d} of {step.requests:6d} over  {time:>11}"
        yield f"{lines}  {'disturbed' if step.disturbed else step.ruling}{_failed(step)}"
