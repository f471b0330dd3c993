"""The digest of a campaign, made from one reading: for the list of all campaigns, trends and
`history`."""

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
    """The brief of a campaign that has been read; comparisons that are not given are made."""
    made = summary.of(digested, comparisons)
    try:
        return Brief(made, nights.of_campaign(digested))
    except ResultError as error:
        return Brief(made, None, str(error))
