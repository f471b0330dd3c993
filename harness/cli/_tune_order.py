"""From the options of `tune` to what is to be tuned, all checked before anything runs."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError
from harness.cli import _patterns, _resume, _select
from harness.measure.campaign import campaign, sweep
from harness.measure.tune.trials import Order
from harness.setup import catalog, keeping, knobs, slo
from harness.setup.catalog import Benchmark, Variant, pick
from harness.setup.tables import PresetTable
from harness.stored import plan, store
from harness.stored.records import TUNE, Campaign
from harness.stored.tunings import Tuning

if TYPE_CHECKING:
    from collections.abc import Sequence

_BUDGET = "10m"
# The closed loop that gives the rate to begin at, and the memory.
_WINDOW_SHARE, _WINDOW_S = 0.25, (0.3, 2.0)  # of the search, within these limits
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def of(options: dict[str, Any]) -> tuple[Order, Campaign | None]:
    """(the order, the stored campaign that it goes on with, if any). Raises UsageError."""
    if options["resume"]:
        return _resumed(options)
    if not options["variants"]:
        raise UsageError("Name variants. Those with knobs: " + ", ".join(_tunable()) + ".")
    search_s = _select.seconds(options["search"]) or 0.0
    name, synthetic = options["benchmark"], options["synthetic_weights"]
    benchmark = _benchmark(name, synthetic, options["slo"], search_s)
    names = _patterns.variants(options["variants"], catalog.variants())
    variants = [_variant(str(name), benchmark, options) for name in names]
    threads = benchmark.table.threads
    tuning = Tuning(
        benchmark=benchmark.name,
        slo=benchmark.table.slo,
        memory_bytes=size(options["memory"]),
        budget_s=_select.seconds(options["budget"] or _BUDGET) or 0.0,
        search_s=search_s,
        knobs={variant.name: knobs.space(variant.table, threads) for variant in variants},
    )
    name = options["name"] or campaign.new_id()
    folder = _select.new_campaign(name)
    if folder.exists():
        raise UsageError(f"{folder} exists already: choose another --campaign, or --resume {name}.")
    return _order(name, variants, benchmark, tuning, options), None


def kept_names(order: Order, options: dict[str, Any]) -> dict[str, str]:
    """The name of each tuned variant under which its setting is kept. Raises UsageError."""
    variants, given = order.request.variants, options["kept_as"]
    if given and len(variants) > 1:
        raise UsageError("--as names one variant: tune one at a time with it.")
    if given and not re.fullmatch(r"[a-z0-9_][a-z0-9_-]*", given):
        raise UsageError(
            f"--as: {given!r} is not a valid name: use lower-case letters, digits and dashes."
        )
    names = {variant.name: given or f"{variant.name}-{keeping.TUNED}" for variant in variants}
    if options["write"]:
        for name in names.values():
            keeping.require_new(name, catalog.variants())
    return names


def size(text: str | None, option: str = "--memory") -> int | None:
    """Bytes, as people write them: 500m, 2g. Raises UsageError."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)i?b?", text.lower())
    found = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if not found:
        raise UsageError(f"{option}: {text!r} is not a size, such as 500m or 2g.")
    return found


def _tunable() -> list[str]:
    known = catalog.variants().values()
    return [v.name for v in known if v.table.knobs and not v.name.startswith("_")] or ["none"]


def _benchmark(name: str, synthetic: bool, text: str | None, search_s: float) -> Benchmark:
    """The benchmark with the SLO and one window, a closed loop."""
    (found,) = _select.benchmarks((name,), _preset(0.0), synthetic)
    wanted = slo.parse(text or found.table.slo)
    alone = found.table.model_copy(update={"profile": (sweep.closed(found, _window_s(search_s)),)})
    return _select.with_slo(replace(found, table=alone), str(wanted))


def _window_s(search_s: float) -> float:
    least_s, most_s = _WINDOW_S
    return min(max(_WINDOW_SHARE * search_s, least_s), most_s)


def _variant(name: str, benchmark: Benchmark, options: dict[str, Any]) -> Variant:
    variant: Variant = pick("variant", name, catalog.variants())
    reason = plan.why_not(variant, benchmark, options["device"])
    if reason is None and not variant.table.knobs:
        path = variant.server.folder / "server.toml"
        reason = (
            f"{path} declares no knobs of it. Those with knobs: {', '.join(_tunable())}; see "
            "docs/tune.md"
        )
    if reason is not None:
        raise UsageError(f"{name} on {benchmark.name} can't be tuned: {reason}.")
    return variant


def _resumed(options: dict[str, Any]) -> tuple[Order, Campaign]:
    if options["variants"] or options["slo"] or options["memory"] or options["name"]:
        raise UsageError("--resume continues a stored tune: only --budget can be given with it.")
    resumed = store.read_campaign(_select.stored_campaign(options["resume"]))
    tuning = resumed.tuning
    if tuning is None:
        raise UsageError(
            f"{resumed.id} is not a tune: continue it with `run --resume {resumed.id}`."
        )
    synthetic = any(facts.synthetic for facts in resumed.benchmarks.values())
    options |= {"device": resumed.device, "benchmark": tuning.benchmark}
    benchmark = _benchmark(tuning.benchmark, synthetic, tuning.slo, tuning.search_s)
    variants = [_variant(name, benchmark, options) for name in tuning.knobs]
    now = {v.name: knobs.space(v.table, benchmark.table.threads) for v in variants}
    if now != tuning.knobs:
        changed = [name for name in now if now[name] != tuning.knobs[name]]
        raise UsageError(
            f"The knobs of {', '.join(changed)} have changed since {resumed.id} began. Start a "
            "new tune."
        )
    budget_s = _select.seconds(options["budget"]) or tuning.budget_s
    tuning = replace(tuning, budget_s=budget_s)
    order = _order(resumed.id, variants, benchmark, tuning, options)
    _resume.require_same(order.request, resumed)
    return order, resumed


def _order(
    name: str,
    variants: Sequence[Variant],
    benchmark: Benchmark,
    tuning: Tuning,
    options: dict[str, Any],
) -> Order:
    request = campaign.CampaignOrder(
        id=name,
        folder=_select.campaign_folder(name),
        variants=tuple(variants),
        benchmarks=(benchmark,),
        preset_name=TUNE,
        preset=_preset(tuning.search_s),
        rounds=1,
        launchers=_select.launchers_of(list(variants), options["device"]),
        device=options["device"],
        argv=tuple(sys.argv[1:]),
        kind=TUNE,
    )
    threads = benchmark.table.threads
    today = {variant.name: knobs.defaults(variant.table, threads) for variant in variants}
    return Order(request, tuning, today)


def _preset(search_s: float) -> PresetTable:
    return PresetTable(
        benchmarks=(),
        profiles=(),
        rounds=1,
        duration_scale=1.0,
        warm_up_s=_window_s(search_s),
        verify_share=0.25,
        capacity_s=search_s,
        audit_s=_window_s(search_s) / 2,
    )
