"""`harness scale`: variants on a cluster, by their number of pods and while something is done."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import EXIT_FAILED
from harness.cli import _ending, _launching, _measured, _places, _say, _servers
from harness.cli._named import BENCHMARK, EXPERIMENT, LAUNCHER, VARIANT
from harness.cli._numbers import POSITIVE, SECONDS

if TYPE_CHECKING:
    from harness.analyse.run.digested import Digested
    from harness.measure.campaign.campaign import CampaignOrder

_OWN = ("--replicas", "--pod-cpus")
_COUNT = click.IntRange(min=1, max=1000)


class ScaleCommand(_launching.LaunchingCommand):
    """With the options of launchers that start copies; how many, and how large, it says itself."""

    def takes(self, launcher: str, flag: str) -> bool:
        """Whether it takes that option of that launcher."""
        from harness.setup import launching

        return launching.of(launcher).replicates and flag not in _OWN


@click.command("scale", cls=ScaleCommand)
@click.argument("variants", nargs=-1, type=VARIANT, required=True)
@click.option(
    "--experiment",
    "experiments",
    type=EXPERIMENT,
    multiple=True,
    help="What to do; repeatable.  [default: all]",
)
@click.option(
    "--replicas", "counts", default="1,2,3", show_default=True, help="Numbers of pods to measure."
)
@click.option(
    "--benchmark", type=BENCHMARK, default="sentiment", show_default=True, help="Benchmark."
)
@click.option("--slo", "slo_text", help="Such as p99<50ms or 'p99<50ms, errors<0.1%'.")
@_servers.SYNTHETIC_WEIGHTS
@click.option(
    "--launcher",
    "launchers",
    type=LAUNCHER,
    multiple=True,
    show_default="kubernetes",
    help="How servers are started.",
)
@_servers.DEVICE
@click.option("--pod-cpus", "size_cpus", type=POSITIVE, help="CPUs of a pod.  [default: as fits]")
@click.option("--pod-memory", "size_memory", help="Memory of a pod: 500m, 2g.  [default: as fits]")
@click.option(
    "--duration", type=SECONDS, default=5.0, show_default=True, help="Length of a closed loop, s."
)
@click.option(
    "--search", default="10s", show_default=True, help="Time for each capacity search: 10s, 1m."
)
@click.option(
    "--load",
    "shares",
    default="0.5,2",
    show_default=True,
    help="Load of changes and peak of autoscaling, as shares of one pod's capacity.",
)
@click.option("--step", default="15s", show_default=True, help="Time of each of six load steps.")
@click.option(
    "--max-pods",
    "most_pods",
    type=_COUNT,
    default=5,
    show_default=True,
    help="As many as the autoscaler may ask for.",
)
@click.option(
    "--cpu-percent",
    type=_COUNT,
    default=80,
    show_default=True,
    help="The autoscaler's target, of what pods request.",
)
@click.option(
    "--pods",
    type=_COUNT,
    default=2,
    show_default=True,
    help="Pods that serve when they are updated, or one is killed or evicted.",
)
@click.option("--within", default="90s", show_default=True, help="Longest recovery from a change.")
@click.option(
    "--rounds", type=click.IntRange(min=1), default=1, show_default=True, help="Fresh starts."
)
@click.option("--campaign", "name", help="Name of the new campaign.")
@_places.options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(**options: Any) -> int:
    """Measure variants on a cluster: capacity by pods, autoscaling, updates, disruption."""
    from harness.cli import _scale_order

    request = _scale_order.of(options)
    began = time.monotonic()
    runs = _measured.runs_of(request)
    code = _conclude(request, options)
    _say.line(_ending.time_line(runs, time.monotonic() - began), err=True)
    return code


def _conclude(request: CampaignOrder, options: dict[str, Any]) -> int:
    from harness.analyse.field import scaling
    from harness.analyse.run import digest
    from harness.cli import _reports
    from harness.report.text import scaled

    digested = digest.of_campaign(request.folder)
    report = _reports.of(digested)
    path = _reports.conclude(report)
    found = scaling.of_comparisons(report.comparisons)
    if options["as_json"]:
        printed = {
            "campaign": request.id,
            "results": str(request.folder),
            "report": str(path),
            "variants": scaled.summary(found),
        }
        _say.lines(json.dumps(printed, indent=1))
    else:
        for line in scaled.lines(found):
            _say.lines(line)
        _say.line(f"results  {request.folder}")
        _say.line(f"report   {path}")
    return _ending.exit_code(digested, strict=False) or _unmade(digested, options["experiments"])


def _unmade(digested: Digested, named: tuple[str, ...]) -> int:
    """An experiment that was begun or asked for by name, and is not whole, has failed."""
    lives = (d.facts.lifecycle for d in digested.digests)
    made = [change for life in lives if life is not None for change in life.changes]
    failed = [each for each in made if each.failure and (each.phases or each.name in named)]
    for each in failed:
        _say.line(f"failed   {each.name}: {each.failure}", err=True)
    return EXIT_FAILED if failed else 0
