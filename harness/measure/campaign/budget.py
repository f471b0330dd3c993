"""The cells that a campaign leaves out if time is short."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.base.errors import NothingRan
from harness.measure.campaign.costs import Costs
from harness.stored import plan
from harness.stored.identity import Cell
from harness.stored.records import Campaign


def fitted(campaign: Campaign, budget_s: float, whole_s: float = 0.0) -> Campaign:
    """The campaign with the cells that a budget has room for, or what is left of a whole one.

    Raises NothingRan, with the least that works.
    """
    cost_s = cost_of(campaign)
    canaries = (campaign.canaries.predictor, campaign.canaries.null)
    kept, left = plan.fit(campaign.cells, cost_s, budget_s, canaries)
    if not kept:
        least_s = max(whole_s - budget_s, 0.0) + min(map(cost_s, campaign.cells), default=0.0)
        raise NothingRan(
            f"No cell fits into the {max(budget_s, 0):.0f} s that are left. Give "
            f"--budget {math.ceil(1.1 * least_s)}s or more, which is enough for the shortest."
        )
    return without(campaign, left)


def with_rounds(campaign: Campaign, budget_s: float) -> Campaign:
    """The campaign with its first round, and the later ones that the budget has room for."""
    cost_s = cost_of(campaign)
    first_s = sum(cost_s(cell) for cell in campaign.cells if cell.round == 1)
    return fitted(campaign, max(budget_s, first_s + 1e-3))


def affordable(campaign: Campaign, cells: Sequence[Cell], left_s: float) -> tuple[Cell, ...]:
    """As many cells beyond the campaign's own, in order, as there is time for."""
    cost_s, kept = cost_of(campaign), []
    for cell in cells:
        left_s -= cost_s(cell)
        if left_s < 0:
            break
        kept.append(cell)
    return tuple(kept)


def cost_of(campaign: Campaign) -> Callable[[Cell], float]:
    """Seconds that a cell of the campaign takes, from what cells took before."""
    costs = Costs()
    return lambda cell: costs.of(cell, campaign.benchmarks.get(cell.benchmark_name))


def without(campaign: Campaign, left: Sequence[Cell]) -> Campaign:
    """The campaign without those cells, and the reason."""
    said = tuple(
        (name, "it does not fit into the time budget") for name in plan.named(left, campaign.cells)
    )
    kept = tuple(cell for cell in campaign.cells if cell not in left)
    return replace(campaign, cells=kept, left_out=campaign.left_out + said)
