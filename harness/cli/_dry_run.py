"""`run --dry-run`: what a campaign would do, how long, and what must be there first."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.base.errors import EXIT_OK
from harness.cli import _say
from harness.stored.identity import told

if TYPE_CHECKING:
    from harness.measure.campaign.campaign import CampaignOrder
    from harness.measure.campaign.forecast import Forecast
    from harness.setup.catalog import Benchmark
    from harness.setup.tables import PresetTable
    from harness.stored.records import Campaign
    from harness.windows.profiles import Profile


def show(request: CampaignOrder, resumed: Campaign | None, *, as_json: bool) -> int:
    """Print it; the exit code. Raises NothingRan where the budget has room for no cell."""
    from harness.measure.campaign import forecast

    found = forecast.of(request, resumed)
    lines = [json.dumps(_json(found, request))] if as_json else _lines(found, request)
    for line in lines:
        _say.line(line)
    return EXIT_OK


def left_out(pairs: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """A line for each reason, with all that are left out for it."""
    by_reason: dict[str, list[str]] = {}
    for what, why in pairs:
        by_reason.setdefault(why, []).append(what)
    for why, whats in by_reason.items():
        yield f"left out: {'; '.join(whats)}: {why}"


def _lines(found: Forecast, request: CampaignOrder) -> Iterator[str]:
    yield from map(str, found.to_run)
    yield from left_out(found.campaign.left_out)
    for benchmark in request.benchmarks:
        yield f"load     {benchmark.name}: {'; '.join(_profiles(found, request, benchmark))}"
    yield f"first    {_install(found)}"
    yield f"time     {_time(found, request)}"


def _profiles(found: Forecast, request: CampaignOrder, benchmark: Benchmark) -> Iterator[str]:
    """Each window of a benchmark with its rate."""
    facts = found.campaign.benchmarks.get(benchmark.name)
    tables = {table.name: table for table in benchmark.table.profile}
    source = found.known_from.get(benchmark.name)
    for profile in facts.profiles if facts else ():
        share = tables[profile.name].rate_share if profile.name in tables else None
        yield f"{profile.name} for {profile.duration_s:.3g} s {_load(profile, share, source)}"
    if request.preset.capacity_s:
        longest_s = request.preset.capacity_longest_s
        more = f", {longest_s:g} s where that leaves it unsure" * (longest_s > 0)
        yield f"a search for the capacity, {request.preset.capacity_s:g} s{more}"
    if any(variant.table.function for variant in request.variants):
        yield from _starts(request.preset)


def _starts(preset: PresetTable) -> Iterator[str]:
    """What functions alone have."""
    if preset.cold_starts:
        yield f"{preset.cold_starts} cold starts of a function at each temperature"
    if preset.burst_s:
        yield f"a burst of {preset.burst_per_s:g}/s on a function for {preset.burst_s:g} s"


def _load(profile: Profile, share: float | None, source: str | None) -> str:
    if profile.rate_per_s is None:
        return f"by {profile.concurrency} {'users' if profile.think_s else 'callers'}"
    if share is None:
        return f"at {profile.rate_per_s:.4g}/s"
    of = f"{share:.0%} of the capacity in process"
    if source is None:
        return f"at {of} (which is measured first)"
    return f"at about {profile.rate_per_s:.3g}/s ({of}, as in {source})"


def _install(found: Forecast) -> str:
    if not found.to_install:
        return "nothing needs to be installed"
    return f"installed or built once, and kept: {', '.join(found.to_install)}"


def _time(found: Forecast, request: CampaignOrder) -> str:
    """Minutes, what of them is a guess, and what may change them."""
    said = f"about {_minutes(found.seconds)}" if found.to_run else "none: all runs are stored"
    if found.guessed:
        said += f"; guessed for cells that never ran here: {', '.join(found.guessed)}"
    if request.budget_s is not None:
        said += f"; never more than --budget, {_minutes(request.budget_s)}"
    if request.more is not None:
        limit = request.more_s if request.budget_s is None else None
        said += "; then more rounds until decided"
        said += f", until {_minutes(limit)} have passed" if limit else ""
    return f"{said}; installation is extra" if found.to_install else said


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{math.ceil(seconds / 60)} min"


def _rates(found: Forecast, benchmark: Benchmark) -> Iterator[dict[str, Any]]:
    """Each profile; a rate is null as long as the capacity is unknown that it is a share of."""
    facts = found.campaign.benchmarks.get(benchmark.name)
    shares = {table.name: table.rate_share for table in benchmark.table.profile}
    for profile in facts.profiles if facts else ():
        share = shares.get(profile.name)
        row = asdict(profile) | {"rate_share": share}
        if share is not None and benchmark.name not in found.known_from:
            row |= {"rate_per_s": None, "rate_to_per_s": None}
        yield row


def _json(found: Forecast, request: CampaignOrder) -> dict[str, Any]:
    campaign = found.campaign
    return {
        "campaign": request.id,
        "cells": [told(cell) for cell in found.to_run],
        "left_out": [{"what": what, "why": why} for what, why in campaign.left_out],
        "seconds": round(found.seconds, 1),
        "guessed": list(found.guessed),
        "budget_s": request.budget_s,
        "load": {
            benchmark.name: {
                "capacity_from": found.known_from.get(benchmark.name),
                "profiles": [*_rates(found, benchmark)],
            }
            for benchmark in request.benchmarks
        },
        "to_install": list(found.to_install),
    }
