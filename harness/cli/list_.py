"""`harness list`: what there is, and what cannot run here and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from harness.catalog import Benchmark, Variant


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Variants, benchmarks, launchers; what cannot run here and why."""
    found = listing()
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    _table(
        "variants",
        [
            (v["name"], v["track"], v["protocol"], _state(v["why_not"], _well(v)))
            for v in found["variants"]
        ],
    )
    _table(
        "benchmarks",
        [
            (b["name"], f"version {b['version']}", f"{b['payloads']} payloads", b["description"])
            for b in found["benchmarks"]
        ],
    )
    _table(
        "launchers",
        [
            (launcher["name"], _state(launcher["why_not"], launcher["about"] or "available"))
            for launcher in found["launchers"]
        ],
    )


def listing() -> dict[str, Any]:
    """The content of `list --json`."""
    from harness import catalog
    from harness.measure import launchers

    benchmarks = list(catalog.benchmarks().values())
    available = {name: make().why_not("cpu") for name, make in launchers.registered().items()}
    public = [v for v in catalog.variants().values() if not v.name.startswith("_")]
    return {
        "variants": [_variant(variant, benchmarks, available) for variant in public],
        "benchmarks": [
            {
                "name": b.name,
                "version": b.table.version,
                "payloads": len(b.payloads()),
                "description": b.table.description,
            }
            for b in benchmarks
        ],
        "launchers": [
            {
                "name": name,
                "available": why is None,
                "why_not": why,
                "about": "" if why else launchers.registered()[name]().about(),
            }
            for name, why in available.items()
        ],
    }


def _variant(
    variant: Variant, benchmarks: list[Benchmark], available: dict[str, str | None]
) -> dict[str, Any]:
    from harness import plan

    table = variant.table
    reason = _why_not(variant, available)
    gaps = {b.name: plan.why_not(variant, b, "cpu") for b in benchmarks}
    return {
        "name": table.name,
        "server": variant.server.name,
        "track": table.track,
        "protocol": table.protocol,
        "devices": list(table.devices),
        "launchers": [name for name in available if _comes_up_by(variant, name)],
        "in_all": table.in_all,
        "runnable": reason is None,
        "why_not": reason,
        "without": {name: why for name, why in gaps.items() if why is not None},
        "description": table.description,
        "framework": variant.server.table.framework,
        "licence": variant.server.table.licence,
        "maintained": variant.server.table.maintained,
        "note": variant.server.table.note,
    }


def _comes_up_by(variant: Variant, launcher: str) -> bool:
    """Whether a variant comes up by a launcher, where that can be used."""
    from harness.tables import PROCESS

    table = variant.table
    if launcher == "docker":
        return not (table.reference or table.inside)
    return launcher == PROCESS and not variant.server.table.only_docker


def _why_not(variant: Variant, available: dict[str, str | None]) -> str | None:
    """Why a variant can run nowhere here, or None."""
    only_docker = variant.server.table.only_docker
    if only_docker and available.get("docker") is not None:
        return f"it runs as a container only ({only_docker}), and {available['docker']}"
    if all(why is not None for why in available.values()):
        return "; ".join(f"{name}: {why}" for name, why in available.items())
    lock = variant.server.lock(variant.table.backend)
    if variant.server.has_environment and not lock.exists():
        return f"no lock {lock.name}; make it with `make lock`"
    return None


def _well(variant: dict[str, Any]) -> str:
    """That it runs, and what a user must know of that."""
    said = [] if variant["in_all"] else ["not in --all"]
    said += [f"not on {name}: {why}" for name, why in variant["without"].items()]
    said += [] if variant["maintained"] else ["unmaintained"]
    return "; ".join(["runs", *said])


def _state(why_not: str | None, well: str) -> str:
    return well if why_not is None else f"cannot run here: {why_not}"


def _table(title: str, rows: list[tuple[str, ...]]) -> None:
    click.echo(title)
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  " + "  ".join(cells).rstrip())
