"""The output at the end of `tune`: the settings, the one to keep, the worth of each knob."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from harness.analyse.run import digest
from harness.analyse.tune import tune_words
from harness.analyse.tune.outcome import TunedVariant
from harness.base.errors import EXIT_FAILED, EXIT_OK
from harness.cli import _reports, _say
from harness.measure.tune.trials import Order
from harness.search.candidates import Candidate
from harness.search.confirmed import Interval
from harness.setup import keeping, knobs
from harness.setup.catalog import Variant
from harness.stored.tunings import TODAY


def conclude(order: Order, names: Mapping[str, str], options: dict[str, Any]) -> int:
    """Write the report and print what was found; keep it where that is asked for."""
    folder = order.request.folder
    digested = digest.of_campaign(folder)
    report = _reports.conclude(_reports.of(digested))
    every = digest.tuned(digested)
    variants = {variant.name: variant for variant in order.request.variants}
    cpus = len(digested.campaign.server_cpus)
    tables = {f.variant: kept(variants[f.variant], f, names[f.variant], cpus) for f in every}
    written = {
        found.variant: str(keeping.write(variants[found.variant], table))
        for found in every
        if options["write"] and (table := tables[found.variant]) is not None
    }
    if options["as_json"]:
        shown = [
            _identity(f, variants[f.variant])
            | as_json(f, tables[f.variant], written.get(f.variant))
            for f in every
        ]
        head = {"campaign": order.request.id, "results": str(folder), "report": str(report)}
        asked = {"benchmark": order.tuning.benchmark, "slo": order.tuning.slo}
        _say.lines(json.dumps({**head, **asked, "variants": shown}, indent=1))
    else:
        for found in every:
            for line in lines(found, tables[found.variant], written, options["write"]):
                _say.lines(line)
        _say.line(f"results  {folder}")
        _say.line(f"report   {report}")
    return EXIT_OK if all(found.chosen for found in every) else EXIT_FAILED


def kept(variant: Variant, found: TunedVariant, name: str, cpus: int) -> str | None:
    """The variant to keep as text; None where today's is kept, or none is."""
    if found.chosen is None or found.chosen.number == TODAY:
        return None
    setting, tuning = found.chosen.setting, found.tuning
    on = f"{cpus} CPU" if cpus == 1 else f"{cpus} CPUs"
    description = (
        f"{variant.name} with {knobs.said(setting)}: the highest capacity at {tuning.slo} that "
        f"`tune` found on {tuning.benchmark}, on {on}."
    )
    return keeping.text(variant, setting, name, description)


def lines(
    found: TunedVariant, table: str | None, written: Mapping[str, str], wanted: bool
) -> Iterator[str]:
    """The text for a reader."""
    yield f"\n{found.variant} on {found.tuning.benchmark}, {found.tuning.slo}"
    rows = [["setting", "capacity 1/s", "memory", "runs", ""]]
    rows += [_row(candidate, found) for candidate in tune_words.ordered(found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(w) for cell, w in zip(rest[:-1], widths[1:], strict=False)]
        yield "  ".join((*cells, rest[-1])).rstrip()
    yield ""
    yield from tune_words.answer(found)
    if found.worth:
        yield "\nWhat each knob is worth, estimated from all measured settings:"
        yield from (f"  {tune_words.worth(worth)}" for worth in found.worth)
    if len(found.front) > 1:
        yield "\nWhat more memory buys:"
        for candidate in found.front:
            rate = tune_words.rate(candidate.capacity or 0.0)
            said = f"{tune_words.mib(candidate.memory_bytes)}: {rate}/s"
            yield f"  {said} with {knobs.said(candidate.setting)}"
    if table is not None:
        place = written.get(found.variant)
        yield f"\nAdded to {place}:" if place else "\nTo keep it, add to server.toml (or --write):"
        yield f"\n{table}"
    elif wanted:
        yield "Nothing was written: no other setting is better than today's."


def _row(candidate: Candidate, found: TunedVariant) -> list[str]:
    known = candidate.capacity is not None
    remark = tune_words.reason(candidate, found) or ("today's" if candidate.number == TODAY else "")
    if remark and candidate.number == TODAY and remark != "today's":
        remark = f"today's; {remark}"
    return [
        knobs.said(candidate.setting),
        tune_words.rate(candidate.capacity or 0.0) if known else "-",
        tune_words.mib(candidate.memory_bytes),
        str(len(candidate.runs)),
        remark,
    ]


def as_json(found: TunedVariant, table: str | None, written: str | None) -> dict[str, Any]:
    """One entry of `variants` in `tune --json`."""
    confirmed, chosen = found.confirmed, found.chosen
    return {
        "variant": found.variant,
        "chosen": dict(chosen.setting) if chosen else None,
        "is_today": chosen is not None and chosen.number == TODAY,
        "answer": list(tune_words.answer(found)),
        "today": _confirmed(found, found.today),
        "best": _confirmed(found, found.best),
        "ratio": _pair(confirmed.ratio),
        "told_apart": confirmed.told_apart,
        "starts_needed": confirmed.needed if tune_words.in_reach(found) else None,
        "resolved": confirmed.resolved,
        "candidates": [_candidate(candidate, found) for candidate in found.candidates],
        "knobs": [
            {
                "knob": worth.knob,
                "today": worth.today,
                "told_apart": worth.told_apart,
                "values": [
                    {
                        "value": effect.value,
                        "ratio": effect.ratio,
                        "interval": [effect.low, effect.high],
                        "settings": effect.settings,
                        "told_apart": effect.told_apart,
                    }
                    for effect in worth.effects
                ],
            }
            for worth in found.worth
        ],
        "front": [candidate.name for candidate in found.front],
        "server_toml": table,
        "written": written,
    }


def _identity(found: TunedVariant, variant: Variant) -> dict[str, Any]:
    """The names of an entry, and the records that they are made of."""
    return {
        "variant": found.variant,
        "subject": asdict(variant.subject),
        "plain_benchmark": found.tuning.benchmark,
    }


def _confirmed(found: TunedVariant, candidate: Candidate | None) -> dict[str, Any] | None:
    if candidate is None:
        return None
    interval = found.confirmed.capacity.get(candidate.number)
    return {
        "name": candidate.name,
        "setting": dict(candidate.setting),
        "confirmed": _pair(interval),
        "starts": found.confirmed.starts.get(candidate.number, 0),
        "memory_bytes": candidate.memory_bytes,
    }


def _pair(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {"value": interval.value, "interval": [interval.low, interval.high]}


def _candidate(candidate: Candidate, found: TunedVariant) -> dict[str, Any]:
    return {
        "name": candidate.name,
        "setting": dict(candidate.setting),
        "capacity": candidate.capacity,
        "memory_bytes": candidate.memory_bytes,
        "reason": tune_words.reason(candidate, found) or None,
        "runs": [
            {
                "stage": step.stage,
                "round": step.round,
                "capacity": outcome.capacity,
                "interval": [outcome.low, outcome.high],
                "memory_bytes": outcome.memory_bytes,
            }
            for step, outcome in candidate.runs
        ],
    }
