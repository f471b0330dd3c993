"""What a campaign leaves out where time is short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from harness import plan
from harness.errors import NothingRan
from harness.measure.costs import Costs
from harness.measure.reference import IN_PROCESS, NULL
from harness.records import Campaign, Cell


def fitted(campaign: Campaign, budget_s: float) -> Campaign:
    """The campaign with the cells that the budget has room for. Raises NothingRan."""
    cost_s = _cost_s(campaign)
    kept, left = plan.fit(campaign.cells, cost_s, budget_s, (IN_PROCESS, NULL))
    if not kept:
        raise NothingRan(f"Not one cell fits into the {budget_s:.0f} s that are left. Give more.")
    return without(campaign, left)


def with_rounds(campaign: Campaign, budget_s: float) -> Campaign:
    """The campaign with its first round, and the later ones that the budget has room for."""
    cost_s = _cost_s(campaign)
    first_s = sum(cost_s(cell) for cell in campaign.cells if cell.round == 1)
    return fitted(campaign, max(budget_s, first_s + 1e-3))


def _cost_s(campaign: Campaign) -> Callable[[Cell], float]:
    costs = Costs()
    return lambda cell: costs.of(cell, campaign.benchmarks.get(cell.benchmark))


def without(campaign: Campaign, left: Sequence[Cell]) -> Campaign:
    """The campaign without those cells, and the reason."""
    said = tuple(
        (name, "the time budget has no room for it") for name in plan.named(left, campaign.cells)
    )
    kept = tuple(cell for cell in campaign.cells if cell not in left)
    return replace(campaign, cells=kept, left_out=campaign.left_out + said)
