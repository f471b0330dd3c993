"""`harness sweep`: one variant after another along one axis."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import EXIT_FAILED, EXIT_OK, UsageError
from harness.cli import _measured, _places, _say, _servers
from harness.cli._named import AXIS, BENCHMARK, VARIANT

if TYPE_CHECKING:
    from harness.analyse.field.growth import PointCost
    from harness.measure.campaign.campaign import CampaignOrder
    from harness.measure.campaign.sweep import SweepPoint
    from harness.setup.tables import PresetTable
    from harness.stored.records import Run

_TITLES = {
    "throughput_per_s": "predictions/s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "cpu_per_1000_s": "CPU s per 1000",
    "duration_ms": "duration ms",
    "billed_gb_s": "GB-s per 1000",
    "cold_percent": "cold %",
    "usd_per_million": "US$ per 1e6",
}


@click.command("sweep")
@click.argument("variants", nargs=-1, type=VARIANT, required=True)
@click.option("--over", "axis", type=AXIS, required=True, help="Axis; see docs/scale.md.")
@click.option("--values", default="1,2,4,8", show_default=True, help="Values of the axis.")
@click.option(
    "--benchmark", type=BENCHMARK, default="sentiment", show_default=True, help="Benchmark."
)
@_servers.SYNTHETIC_WEIGHTS
@click.option(
    "--duration",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Length of a window, in seconds.",
)
@_servers.DEVICE
@click.option("--campaign", "name", help="Name of the new campaign.")
@_places.options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(**options: Any) -> int:
    """Measure variants at each value of one axis; show how cost grows along it."""
    swept = _points(options)
    request = _request(options, swept)
    runs = _measured.runs_of(request)
    return _conclude(options, request, swept, runs)


def _points(options: dict[str, Any]) -> dict[str, list[SweepPoint]]:
    """The points of each variant, checked in full before anything starts."""
    from harness.cli import _patterns, _select, _startable
    from harness.measure.campaign import sweep
    from harness.setup import catalog
    from harness.setup.catalog import pick
    from harness.setup.launching import PROCESS
    from harness.stored import plan

    known = catalog.variants()
    pick("axis", options["axis"], sweep.AXES)
    chosen = (options["benchmark"],)
    (benchmark,) = _select.benchmarks(chosen, _preset(), options["synthetic_weights"])
    values, found = _values(options["values"]), {}
    for asked in _patterns.variants(options["variants"], known):
        (variant,) = _startable.launched(asked, known, (PROCESS,))
        name = variant.name
        reason = plan.why_not(variant, benchmark, options["device"])
        if variant.table.is_floor:
            reason = "it is a reference point, which has no axes"
        if reason is not None:
            raise UsageError(f"{name} on {benchmark.name}: {reason}.")
        axis, duration_s = options["axis"], options["duration"]
        found[name] = sweep.points(axis, variant, benchmark, values, duration_s)
    return found


def _values(text: str) -> tuple[int, ...]:
    """The numbers in `1,2,4`, ascending, each once. Raises UsageError."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise UsageError(
            f"--values: {text!r} is not a list of whole numbers above 0, such as 1,2,4."
        )
    return tuple(sorted({int(part) for part in parts}))


def _preset() -> PresetTable:
    from harness.setup.tables import PresetTable

    return PresetTable(
        benchmarks=(), profiles=(), rounds=1, duration_scale=1.0, warm_up_s=1.0, verify_share=0.25
    )


def _request(options: dict[str, Any], swept: dict[str, list[SweepPoint]]) -> CampaignOrder:
    from harness.cli import _select
    from harness.measure.campaign.campaign import CampaignOrder, new_id
    from harness.stored.records import SWEEP

    points = [point for one in swept.values() for point in one]
    name = options["name"] or new_id()
    folder = _select.new_campaign(name)
    if folder.exists():
        raise UsageError(f"{folder} exists already: choose another --campaign.")
    variants = tuple({point.variant.name: point.variant for point in points}.values())
    return CampaignOrder(
        id=name,
        folder=folder,
        variants=variants,
        benchmarks=tuple({point.benchmark.name: point.benchmark for point in points}.values()),
        preset_name=SWEEP,
        preset=_preset(),
        rounds=1,
        launchers=_select.launchers_of(list(variants), options["device"]),
        device=options["device"],
        argv=tuple(sys.argv[1:]),
        kind=SWEEP,
    )


def _conclude(
    options: dict[str, Any],
    request: CampaignOrder,
    swept: dict[str, list[SweepPoint]],
    runs: list[Run],
) -> int:
    from harness.analyse.field import function_points, growth
    from harness.analyse.run import digest
    from harness.cli import _reports

    digested = digest.of_campaign(request.folder)
    report = _reports.conclude(_reports.of(digested))
    seen = {found.cell: found.swept for found in digested.digests if found.swept is not None}
    rows = []
    for name, points in swept.items():
        measured = [seen[point.cell] for point in points if point.cell in seen]
        subject, benchmark, at = points[0].cell.key
        known = {"subject": asdict(subject), "plain_benchmark": benchmark}
        varies = at.varies if at else None
        grown = growth.summary(measured, options["axis"])
        if options["axis"] == function_points.MEMORY:
            grown |= _priced(grown["points"], measured)
        rows.append({"variant": name, **known, "varies": varies, **grown})
    found = {
        "campaign": request.id,
        "results": str(request.folder),
        "report": str(report),
        "axis": options["axis"],
        "benchmark": options["benchmark"],
        "variants": rows,
    }
    for line in [json.dumps(found, indent=1)] if options["as_json"] else _lines(found, report):
        _say.lines(line)
    return EXIT_FAILED if any(run.facts.failure for run in runs) else EXIT_OK


def _priced(rows: list[dict[str, Any]], points: Sequence[PointCost]) -> dict[str, Any]:
    """The points with what a million requests cost, and the sizes to choose."""
    from harness.analyse.cost import prices
    from harness.analyse.field import function_points

    platform = function_points.platform_of(prices.load())
    usd = function_points.priced(points, platform)
    told = [{**row, "usd_per_million": usd.get(row["value"])} for row in rows]
    return {"points": told, "chosen": function_points.chosen(points, platform) or None}


def _lines(found: dict[str, Any], report: Path) -> Iterator[str]:
    """The same as text."""
    for row in found["variants"]:
        yield f"{row['variant']} on {found['benchmark']}"
        costs = [cost for cost in _TITLES if any(cost in point for point in row["points"])]
        yield f"{found['axis']:>12}" + "".join(f"{_TITLES[cost]:>16}" for cost in costs)
        for point in row["points"]:
            numbers = "".join(f"{_shown(point[cost]):>16}" for cost in costs)
            yield f"{point['value']:>12}{numbers}{'  INVALID' if point['invalid'] else ''}"
        if any(row["growth"].values()):
            grown = "".join(f"{_exponent(row['growth'].get(cost)):>16}" for cost in costs)
            yield f"{'grows as ^':>12}{grown}"
        if row.get("chosen"):
            yield row["chosen"]
        if row["note"]:
            yield f"note: {row['note']}"
        yield ""
    yield "one run per point: the ± comes from the points' distance from a line, not from rounds"
    yield f"results  {found['results']}\nreport   {report}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3f}" if value < 100 else f"{value:,.0f}"


def _exponent(found: dict[str, Any] | None) -> str:
    return "-" if found is None else f"{found['exponent']:+.2f} ± {found['error']:.2f}"
