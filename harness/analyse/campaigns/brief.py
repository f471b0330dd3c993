"""What is kept of a campaign that was read once: for the list of all, for trends, for `history`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analyse.campaigns import nights, summary
from harness.analyse.campaigns.nights import Night
from harness.analyse.campaigns.summary import Summary
from harness.analyse.field.comparison import Comparison
from harness.analyse.run.digested import Digested
from harness.base.errors import ResultError


@dataclass(frozen=True, slots=True)
class Brief:
    """Both reductions of a campaign, made from one reading of it."""

    summary: Summary  # over the rounds
    night: Night | None = None  # round by round
    no_night: str = ""  # why there is none, in a sentence


def of(digested: Digested, comparisons: Sequence[Comparison] | None = None) -> Brief:
    """Of a campaign that has been read; the comparisons are made where they are not given."""
    made = summary.of(digested, comparisons)
    try:
        return Brief(made, nights.of_campaign(digested))
    except ResultError as error:
        return Brief(made, None, str(error))
