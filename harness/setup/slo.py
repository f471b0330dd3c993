"""A service-level objective: a limit on a percentile of the response time, and one on errors."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.base.errors import UsageError

_LATENCY = re.compile(r"p(\d{1,2}(?:\.\d+)?)<(\d+(?:\.\d+)?)(us|ms|s)")
_ERRORS = re.compile(r"errors<(\d+(?:\.\d+)?)%")
_NS = {"us": 1e3, "ms": 1e6, "s": 1e9}
_DEFAULT_ERRORS = 0.001


@dataclass(frozen=True, slots=True)
class Slo:
    """At least `share` of the requests answered within the limit, and fewer errors than that."""

    share: float  # 0.99 for p99
    limit_ns: int
    errors: float  # share of the requests that may fail

    @property
    def may_miss(self) -> float:
        """Share of the requests that may take longer."""
        return 1 - self.share

    def __str__(self) -> str:
        return f"p{100 * self.share:g}<{self.limit_ns / 1e6:g}ms, errors<{100 * self.errors:g}%"


def parse(text: str) -> Slo:
    """`p99<50ms` or `p99<50ms, errors<0.1%` (0.1% is the default). Raises UsageError."""
    latency, errors = None, _DEFAULT_ERRORS
    for part in text.replace(" ", "").lower().split(","):
        if latency is None and (match := _LATENCY.fullmatch(part)):
            latency = float(match[1]) / 100, int(float(match[2]) * _NS[match[3]])
        elif match := _ERRORS.fullmatch(part):
            errors = float(match[1]) / 100
        else:
            raise _misread(text, f"{part!r} is not understood")
    if latency is None:
        raise _misread(text, "it has no limit on the response time")
    if not 0 < latency[0] < 1 or latency[1] <= 0:
        raise _misread(text, "nothing can meet it, or everything does")
    if not 0 < errors < 1:
        raise _misread(text, "the share of errors must lie between 0% and 100%")
    return Slo(*latency, errors)


def _misread(text: str, why: str) -> UsageError:
    return UsageError(f"The SLO {text!r} can't be used: {why}. Write for example p99<50ms.")
