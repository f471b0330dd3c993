"""The runs of a tune, one after another: each is a fresh start of a variant with one setting."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from harness.base.errors import HarnessError, UsageError
from harness.measure.campaign import campaign as campaigns
from harness.measure.campaign import host_proof, session
from harness.measure.campaign.campaign import CampaignOrder, Observer
from harness.measure.campaign.costs import Costs
from harness.measure.campaign.reference import Prepared
from harness.measure.campaign.tools import Tools
from harness.measure.tune import halving, proposals
from harness.search.candidates import Outcome, cell_of, name_of
from harness.setup import knobs
from harness.setup.catalog import Variant
from harness.setup.knobs import Setting
from harness.stored import plan, store
from harness.stored.identity import Cell, Subject
from harness.stored.records import Campaign, Run
from harness.stored.tunings import Tuning, TuningStep

# No tune takes less before its first run, and none of its runs less beside the search. Whether a
# budget is too short for a variant that takes longer, its first run will show.
_PREPARE_S, _BESIDE_S = 4.0, 3.0
# Limits on becoming ready, as a multiple of today's setting's time and in seconds.
_READY_TIMES, _READY_LEAST_S = 5.0, 20.0
_ROUND_S = 30  # to which a budget that is proposed is rounded up

Judge = Callable[[Run, Campaign], Outcome]
Told = Callable[[TuningStep, Outcome], None]


@dataclass(frozen=True, slots=True)
class Order:
    """The tune that is requested; the request has one benchmark, with the SLO and one window."""

    request: CampaignOrder
    tuning: Tuning
    today: Mapping[str, Setting]  # by variant


@dataclass(kw_only=True)
class _Going:
    """A tune that is under way."""

    order: Order
    campaign: Campaign
    prepared: Prepared | HarnessError
    tools: Tools
    observer: Observer
    runs: list[tuple[TuningStep, Outcome]] = field(default_factory=list)
    spent_s: float = 0.0  # on what came before these runs

    @property
    def tuning(self) -> Tuning:
        assert self.campaign.tuning is not None  # it was begun with it
        return self.campaign.tuning


def require_time(order: Order) -> None:
    """Raises UsageError where the budget has no room for the shortest search of use."""
    tuning, least_s = order.tuning, _PREPARE_S
    for variant in order.request.variants:
        one = halving.cost(
            tuning.search_s, (), _known_s(variant.name, tuning.benchmark) or _BESIDE_S
        )
        least_s += halving.least_s(one, proposals.size(tuning.knobs[variant.name]))
    if least_s > tuning.budget_s:
        raise _too_short(tuning, [v.name for v in order.request.variants], least_s)


def run(
    order: Order,
    observer: Observer,
    judge: Judge,
    told: Told,
    resumed: Campaign | None = None,
) -> None:
    """Measure setting after setting until the budget is spent, or nothing is left to learn.

    `judge` says what a run came to, `told` hears it. Raises UsageError where the budget turns out
    too short, NothingRan where no benchmark could be prepared, StoreError where a run can't be
    kept.
    """
    store.require_writable(order.request.folder)
    began = time.monotonic()
    with session.begin(order.request.launchers, order.request.device) as tools:
        prepared = campaigns.prepare(order.request, tools, observer)
        campaign = _campaign(order, resumed, prepared, tools, observer)
        found = prepared[order.tuning.benchmark]
        going = _Going(
            order=order, campaign=campaign, prepared=found, tools=tools, observer=observer
        )
        store.write_campaign(order.request.folder, going.campaign)
        store.discard_parts(order.request.folder)
        _take_over(going, judge)
        observer.begin(going.campaign, len(going.runs))
        going.spent_s = time.monotonic() - began
        for place, variant in enumerate(order.request.variants, 1):
            share = place / len(order.request.variants)
            while (step := _next(going, variant, share)) is not None:
                outcome = _measure(going, variant, step, judge)
                told(step, outcome)


def _campaign(
    order: Order,
    resumed: Campaign | None,
    prepared: dict[str, Prepared | HarnessError],
    tools: Tools,
    observer: Observer,
) -> Campaign:
    if resumed is not None:
        worse = host_proof.weaker(
            resumed, *campaigns.examine(order.request, tools, prepared, observer)
        )
        return replace(worse, tuning=order.tuning)
    empty = plan.Plan((), ())
    made = campaigns.begin(order.request, empty, tools, prepared, observer)
    return replace(made, tuning=order.tuning)


def _take_over(going: _Going, judge: Judge) -> None:
    """The runs that are stored already, judged anew; a step without a run is taken back."""
    kept = []
    for step in going.tuning.steps:
        cell = cell_of(going.tuning, step)
        place = store.cell_folder(going.order.request.folder, cell)
        if (place / "run.json").exists():
            kept.append(step)
            going.runs.append((step, judge(store.read_run(place, cell), going.campaign)))
    going.campaign = _with_steps(going.campaign, tuple(kept))


def _next(going: _Going, variant: Variant, share: float) -> TuningStep | None:
    """The variant's next run, within the share of the budget that it may have spent with those
    before it."""
    tuning = going.tuning
    spent_s = going.spent_s + sum(outcome.wall_s for _, outcome in going.runs)
    left_s = share * tuning.budget_s - spent_s
    ours = [(step, outcome) for step, outcome in going.runs if step.variant == variant.name]
    one = halving.cost(tuning.search_s, ours, _known_s(variant.name, tuning.benchmark))
    settings = proposals.size(tuning.knobs[variant.name])
    if len(ours) == 1 and left_s < (least_s := halving.least_s(one, settings, tried=1)):
        raise _too_short(tuning, [variant.name], (spent_s + least_s) / share)
    today = going.order.today[variant.name]
    return halving.following(tuning, variant.name, today, ours, left_s, one)


def _measure(going: _Going, variant: Variant, step: TuningStep, judge: Judge) -> Outcome:
    tuning, request = going.tuning, going.order.request
    going.campaign = _with_steps(going.campaign, (*tuning.steps, step))
    # Before the run: what is stored must be in the plan.
    store.write_campaign(request.folder, going.campaign)
    preset = request.preset.model_copy(update={"capacity_s": step.search_s})
    one = replace(request, variants=(_variant(going, variant, step),), preset=preset)
    cell = cell_of(tuning, step)
    run = campaigns.run_cell(one, going.campaign, cell, going.prepared, going.tools, going.observer)
    store.write_run(request.folder, run)
    outcome = judge(run, going.campaign)
    going.runs.append((step, outcome))
    return outcome


def _variant(going: _Going, variant: Variant, step: TuningStep) -> Variant:
    """The variant with the step's setting, under a name of its own."""
    table = variant.table
    mine = [o for s, o in going.runs if s.variant == variant.name and o.ready_s is not None]
    limit_s = table.ready_timeout_s
    if mine and mine[0].ready_s is not None:
        limit_s = min(limit_s, max(_READY_TIMES * mine[0].ready_s, _READY_LEAST_S))
    named = {
        "name": name_of(variant.name, step.candidate),
        "description": f"{variant.name} with {knobs.said(step.setting)}.",
        "ready_timeout_s": limit_s,
    }
    return replace(variant, table=knobs.turned(table, step.setting, **named))


def _with_steps(campaign: Campaign, steps: tuple[TuningStep, ...]) -> Campaign:
    assert campaign.tuning is not None
    tuning = replace(campaign.tuning, steps=steps)
    cells: tuple[Cell, ...] = tuple(cell_of(tuning, step) for step in steps)
    return replace(campaign, tuning=tuning, cells=cells)


def _known_s(variant: str, benchmark: str) -> float | None:
    """Seconds beside windows and search, from earlier campaigns on this machine."""
    return Costs().known(Cell(subject=Subject(variant), benchmark=benchmark, point=None, round=1))


def _too_short(tuning: Tuning, variants: list[str], least_s: float) -> UsageError:
    proposed_s = _ROUND_S * (int(least_s) // _ROUND_S + 1)
    sizes = (proposals.size(tuning.knobs[name]) for name in variants)
    tried = min(halving.LEAST_TRIED, max(sizes))
    return UsageError(
        f"The budget of {tuning.budget_s:.0f} s is too short to decide anything on "
        f"{', '.join(variants)}: {tried} settings at least are to be tried, and today's and the "
        f"best started twice more each, which takes about {least_s:.0f} s. Give "
        f"--budget {proposed_s}s or more, or a shorter --search."
    )
