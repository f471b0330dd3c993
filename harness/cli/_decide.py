"""`run --until decided`: which cells to measure next, from what is stored so far."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.analyse.field.decided import Decided
    from harness.analyse.run.digested import Digest
    from harness.stored.identity import Cell
    from harness.stored.records import Campaign

DECIDED = "decided"


class Deciding:
    """Asked for more cells whenever those of a campaign have run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Cell, Digest] = {}

    def __call__(self, campaign: Campaign) -> tuple[Cell, ...]:
        """The cells that come next: a second start of each variant that is ranked, then another
        one of those whose order is open; none where nothing is."""
        from harness.analyse.field import decided

        last = _last(campaign)
        wanted = [
            replace(last[pair], round=last[pair].round + 1)
            for pair in decided.next_rounds(self.decided(campaign))
            if pair in last and last[pair].round < decided.MOST
        ]
        return (*_floors(wanted, campaign), *wanted)

    def decided(self, campaign: Campaign) -> Decided:
        """How far the rankings are decided."""
        from harness.analyse.field import comparison, decided, together
        from harness.analyse.run import digest
        from harness.analyse.run.digested import Digested
        from harness.base.errors import ResultError
        from harness.stored import store

        for cell, place in store.stored(self._folder, campaign.cells):
            if cell in self._known:
                continue
            try:
                run = digest.read_cell(place, campaign, cell)
            except ResultError:
                continue  # the report names it
            self._known[cell] = digest.of_run(run, campaign, None)
        known = together.pooled(list(self._known.values()), campaign)
        whole = Digested(folder=self._folder, campaign=campaign, digests=known, damaged=())
        return decided.of(comparison.compare(whole))


def _last(campaign: Campaign) -> dict[tuple[str, str], Cell]:
    """The last planned round of each variant on each benchmark, by their names."""
    last: dict[tuple[str, str], Cell] = {}
    for cell in campaign.cells:
        key = (cell.variant_name, cell.benchmark_name)
        if key not in last or last[key].round < cell.round:
            last[key] = cell
    return last


def _floors(wanted: list[Cell], campaign: Campaign) -> list[Cell]:
    """The reference in process in each of their rounds: what a server adds is paired with it."""
    floor = campaign.canaries.predictor
    known = {c.benchmark_name: c for c in campaign.cells if c.subject == floor}
    cells = {
        replace(known[cell.benchmark_name], round=cell.round)
        for cell in wanted
        if cell.benchmark_name in known
    }
    return sorted(cells - set(campaign.cells), key=lambda cell: cell.round)


def sentence(folder: Path) -> str:
    """The decided pairs of a stored campaign, the time for the rest, and the pairs out of reach."""
    from harness.measure.campaign import budget
    from harness.stored import store

    campaign = store.read_campaign(folder)
    found, cost_s = Deciding(folder).decided(campaign), budget.cost_of(campaign)
    if not found.open:
        return f"decided  all {found.pairs} pairs of the rankings"
    last = _last(campaign)
    missing_s = sum(
        count * cost_s(replace(last[pair], round=1)) for pair, count in found.missing.items()
    )
    decided = f"decided  {found.pairs - len(found.open)} of {found.pairs} pairs of the rankings"
    return "; ".join((decided, *of_open(found, missing_s, campaign.id)))


def of_open(found: Decided, missing_s: float, campaign: str) -> Iterator[str]:
    """Sentences on the open pairs."""
    from harness.analyse.field.decided import resolved
    from harness.search import enough

    near, far = found.in_reach, found.out_of_reach
    is_soon = missing_s <= enough.LONGEST_S
    if far:
        differ = f"{len(far)} pairs differ" if len(far) > 1 else "1 pair differs"
        yield f"{differ} by too little to be separated in reasonable time"
    if (far or not is_soon) and (least := resolved(far or near)) < math.inf:
        yield (f"this campaign typically separates differences of {enough.percent(least)} or more")
    which = f"the other {len(near)}" if far and len(near) > 1 else "the other"
    which = which if far else "the others"
    if near and is_soon:
        yield (
            f"{which} would take about {_time(missing_s)} more: python -m harness run --resume "
            f"{campaign} --until decided --budget {_time(missing_s)}"
        )
    elif near:
        limit = f"{enough.LONGEST_S / 3600:.0f}h"
        yield f"{which} would take more than {limit}: name fewer variants or benchmarks"


def _time(seconds: float) -> str:
    """A time as `--budget` takes it, rounded up."""
    minutes = int(seconds // 60) + 1
    return f"{minutes}m" if minutes < 120 else f"{minutes // 60 + 1}h"
