"""`harness list`: what there is, and what cannot run here and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import UsageError
from harness.cli import _places, _say

if TYPE_CHECKING:
    from harness.setup.catalog import Benchmark, Variant


@click.command("list")
@_places.options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Show variants, benchmarks and launchers, and why some cannot run here."""
    found = listing()
    if as_json:
        _say.lines(json.dumps(found, indent=1))
        return
    reasons: list[str] = []
    variants = [
        (v["name"], v["track"], v["protocol"], _variant_state(v, reasons))
        for v in found["variants"]
    ]
    launchers = [
        (name, _cannot([why] if why else [], reasons) or about or "available")
        for name, why, about in (
            (each["name"], each["why_not"], each["about"]) for each in found["launchers"]
        )
    ]
    variants += [
        (b["name"], "", "", _cannot([b["why_not"]], reasons)) for b in found["broken_servers"]
    ]
    noted = [v for v in found["variants"] if v["note"]]
    _table("variants", variants)
    _table(
        "benchmarks",
        [
            (b["name"], "", "", _cannot([b["why_not"]], reasons))
            if b["why_not"]
            else (
                b["name"],
                f"version {b['version']}",
                f"{b['payloads']} payloads",
                b["description"],
            )
            for b in found["benchmarks"]
        ],
    )
    _table("launchers", launchers)
    _table("notes", list({v["server"]: (v["server"], v["note"]) for v in noted}.values()))
    if reasons:
        _table("reasons", [(f"[{n}]", reason) for n, reason in enumerate(reasons, 1)])


def listing() -> dict[str, Any]:
    """The content of `list --json`."""
    from harness.measure.launch import launchers
    from harness.setup import catalog

    benchmarks = list(catalog.benchmarks().values())
    available = {name: each.made().why_not("cpu") for name, each in launchers.registered().items()}
    public = [v for v in catalog.variants().values() if not v.name.startswith("_")]
    return {
        "variants": [_variant(variant, benchmarks, available) for variant in public],
        "broken_servers": [
            {"name": name, "why_not": " ".join(map(str, error.args))}
            for name, error in catalog.broken_servers().items()
        ],
        "benchmarks": [
            *map(_benchmark, benchmarks),
            *(_unusable(name, error) for name, error in catalog.broken_benchmarks().items()),
        ],
        "launchers": [
            {
                "name": name,
                "available": why is None,
                "why_not": why,
                "about": "" if why else launchers.registered()[name].made().about(),
            }
            for name, why in available.items()
        ],
    }


def _variant(
    variant: Variant, benchmarks: list[Benchmark], available: dict[str, str | None]
) -> dict[str, Any]:
    from harness.stored import plan

    table = variant.table
    reasons = _why_not(variant, available)
    gaps = {b.name: plan.why_not(variant, b, "cpu") for b in benchmarks}
    return {
        "name": table.name,
        "server": variant.server.name,
        "track": table.track,
        "protocol": table.protocol,
        "devices": list(table.devices),
        "components": list(table.components),
        "launchers": [name for name in available if _comes_up_by(variant, name)],
        "in_all": table.in_all,
        "runnable": not reasons,
        "why_not": "; ".join(reasons) or None,
        "reasons": reasons,
        "without": {name: why for name, why in gaps.items() if why is not None},
        "description": table.description,
        "framework": variant.server.table.framework,
        "licence": variant.server.table.licence,
        "maintained": variant.server.table.maintained,
        "note": variant.server.table.note,
    }


def _benchmark(benchmark: Benchmark) -> dict[str, Any]:
    try:
        payloads = len(benchmark.payloads())
    except UsageError as error:
        return _unusable(benchmark.name, error)
    return {
        "name": benchmark.name,
        "version": benchmark.table.version,
        "payloads": payloads,
        "description": benchmark.table.description,
        "why_not": None,
    }


def _unusable(name: str, error: UsageError) -> dict[str, Any]:
    """One whose files are wrong: it stops no other."""
    known = ("version", "payloads", "description")
    return {"name": name, **dict.fromkeys(known), "why_not": " ".join(map(str, error.args))}


def _comes_up_by(variant: Variant, launcher: str) -> bool:
    """Whether a launcher can start a variant, if the launcher can be used."""
    from harness.setup import launching

    found = launching.of(launcher)
    if variant.table.is_floor or variant.table.client:
        return launcher == variant.launcher
    if variant.table.launchers:
        return launcher in variant.table.launchers
    if found.handlers:
        return variant.table.function is not None and bool(variant.table.function.handler)
    return found.starts and not (found.installs and variant.server.table.only_docker)


def _why_not(variant: Variant, available: dict[str, str | None]) -> list[str]:
    """Why a variant can run nowhere here, each reason by itself; none where it can."""
    from harness.measure.prepare import environments
    from harness.setup import launching
    from harness.stored import plan

    only_docker = variant.server.table.only_docker
    missing = plan.missing_component(variant)
    ways = [
        why or (missing if launching.of(name).installs else None)
        for name, why in available.items()
        if _comes_up_by(variant, name)
    ]
    reasons = list(dict.fromkeys(filter(None, ways)))  # launchers may share one
    if only_docker and all(why is not None for why in ways):
        return [f"it runs only in a container: {only_docker.rstrip('.')}", *reasons]
    if ways and all(why is not None for why in ways):
        return reasons
    lock = variant.server.lock(variant.table.backend)
    if variant.server.has_environment and not lock.exists():
        how = environments.how_to_lock(variant.server.name)
        return [f"{variant.server.name} has no lock {lock.name}. {how}"]
    return []


def _variant_state(variant: dict[str, Any], reasons: list[str]) -> str:
    """Whether it runs, with the remarks that a user needs."""
    if cannot := _cannot(variant["reasons"], reasons):
        return cannot
    said = [] if variant["in_all"] else ["not in --all"]
    without: dict[str, list[str]] = {}
    for name, why in variant["without"].items():
        without.setdefault(why, []).append(name)
    said += [f"not on {', '.join(names)}: {why}" for why, names in without.items()]
    said += [] if variant["maintained"] else ["unmaintained"]
    return "; ".join(["runs", *said])


def _cannot(why: list[str], reasons: list[str]) -> str:
    """Its inability to run here, with the numbers of the reasons; each reason is printed once."""
    reasons += [reason for reason in why if reason not in reasons]
    numbers = "".join(f" [{reasons.index(reason) + 1}]" for reason in why)
    return f"cannot run here{numbers}" if numbers else ""


def _table(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    _say.line(title)
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        _say.line("  " + "  ".join(cells).rstrip())
