"""How fast an error budget is burnt: the windows and factors of Google's SRE workbook.

"Alerting on SLOs", section 6, multiwindow, multi-burn-rate alerts, table 5-8 and the expressions
below it: https://sre.google/workbook/alerting-on-slos/. They are for a budget of 30 days. A long
window says that it matters, a short one that it still goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from harness.base.errors import UsageError
from harness.setup.slo import Slo

Severity = Literal["page", "ticket"]
SloName = Literal["errors", "latency"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """A budget that is burnt so many times as fast as it may be."""

    severity: Severity
    factor: float
    long: str
    short: str
    spent: str  # of the budget, when the long window has seen nothing else


BURNS = (
    Burn(severity="page", factor=14.4, long="1h", short="5m", spent="2%"),
    Burn(severity="page", factor=6, long="6h", short="30m", spent="5%"),
    Burn(severity="ticket", factor=3, long="1d", short="2h", spent="10%"),
    Burn(severity="ticket", factor=1, long="3d", short="6h", spent="10%"),
)
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


def budgets(slo: Slo) -> Iterator[tuple[SloName, float]]:
    """The share of requests that may fail, and that may fail or be late.

    Raises UsageError where all requests could be bad without the fastest burn.
    """
    most = 1 / max(burn.factor for burn in BURNS)
    for name, budget in (("errors", slo.errors), ("latency", slo.may_miss)):
        if budget >= most:
            raise UsageError(
                f"--slo: {budget:.0%} of the requests may be bad, which can't be exceeded "
                f"{1 / most:g} times over: no alert would tell. Allow less than {most:.1%}."
            )
        yield "errors" if name == "errors" else "latency", round(budget, 9)
