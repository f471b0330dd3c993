"""From the options of `scale` to its campaign."""

from __future__ import annotations

from typing import Any, cast

import click
import pytest

from harness.base.errors import UsageError
from harness.cli import _scale_order, cli
from harness.measure.campaign import cell_orders
from harness.measure.campaign.campaign import CampaignOrder
from harness.measure.cell.deployment_stages import DeploymentStages
from harness.measure.launch import launchers
from harness.measure.launch.kubernetes import NodeRoom
from harness.measure.launch.launchers import LAUNCHERS, Option, Registered
from harness.setup import launching
from harness.setup.launching import KUBERNETES, Launching
from harness.stored.identity import VARIANT, Point
from harness.stored.records import SCALE
from tests import fakes

WAY = Launching(described="pods", installs=False, replicates=True)


class Pods:
    """A launcher whose cluster has two CPUs on this machine."""

    def __init__(self, **told: str) -> None:
        self.told = told

    def why_not(self, _: str) -> None:
        return None

    def room(self) -> tuple[NodeRoom, ...]:
        return (NodeRoom(name="n", cpu_millis=2000, memory_mib=16_000, is_here=True),)


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    launchers.registered()
    options = (Option(name="replicas", help="x"), Option(name="reach", help="y"))
    known = Registered(make=cast(Any, Pods), launching=WAY, options=options)
    monkeypatch.setitem(LAUNCHERS, KUBERNETES, known)
    monkeypatch.setitem(launching._declared, KUBERNETES, WAY)
    monkeypatch.setattr("harness.measure.watch.host.split_cpus", lambda: ((0,), (1,)))


def ordered(*arguments: str) -> CampaignOrder:
    return _scale_order.of(options(*arguments))


def options(*arguments: str) -> dict[str, Any]:
    command = cli.get_command(click.Context(cli), "scale")
    assert command is not None
    with command.make_context("scale", ["fastapi", "--benchmark", "iris", *arguments]) as context:
        return context.params


def test_each_number_of_pods_is_a_point(capsys: pytest.CaptureFixture[str]) -> None:
    order = ordered()
    assert (order.kind, order.preset_name, order.rounds) == (SCALE, SCALE, 1)
    assert [v.point for v in order.variants] == [Point("replicas", n, VARIANT) for n in (1, 2, 3)]
    assert [v.table.replicas for v in order.variants] == [1, 2, 3]
    assert order.variants[0].name == "fastapi-replicas-1@kubernetes"
    assert {v.table.cpus for v in order.variants} == {0.2}, "five of them, for the autoscaler"
    (benchmark,) = order.benchmarks
    assert benchmark.name == "iris-replicas"
    (window,) = benchmark.table.profile
    assert (window.shape, window.concurrency) == ("closed", 24), "the same for all points"
    assert "0.2 CPUs" in capsys.readouterr().err
    assert order.preset.capacity_s == 10
    assert order.preset.changing.most_pods == 5


def test_experiments_decide_what_is_made() -> None:
    only = ordered("--experiment", "replicas", "--replicas", "2,4")
    assert only.preset.changes == ()
    assert [v.table.replicas for v in only.variants] == [2, 4]
    assert {v.table.cpus for v in only.variants} == {0.25}
    killed = ordered("--experiment", "pod-killed")
    assert killed.preset.changes == ("pod-killed",)
    assert [v.table.replicas for v in killed.variants] == [1]
    assert {v.table.cpus for v in killed.variants} == {0.3}, "two, and one that takes a place"
    both = ordered("--experiment", "autoscaling", "--experiment", "replicas", "--replicas", "2")
    assert [v.table.replicas for v in both.variants] == [1, 2], "changes need one pod's capacity"


def test_what_is_told_is_taken() -> None:
    given = ("--pod-cpus", "0.1", "--pod-memory", "512m", "--load", "0.3,1.5", "--step", "20s")
    more = ("--max-pods", "4", "--cpu-percent", "60", "--within", "1m", "--slo", "p99<50ms")
    order = ordered(*given, *more, "--search", "3s", "--pods", "3", "--reach", "service")
    (table,) = {(v.table.cpus, v.table.memory_mib) for v in order.variants}
    assert table == (0.1, 512)
    told = order.preset.changing
    assert (told.rate_share, told.peak_share, told.step_s) == (0.3, 1.5, 20)
    assert (told.most_pods, told.cpu_percent, told.within_s, told.pods) == (4, 60, 60, 3)
    assert order.preset.capacity_s == 3
    assert order.benchmarks[0].table.slo.startswith("p99<50ms")
    (launcher,) = order.launchers.values()
    assert isinstance(launcher, Pods)
    assert launcher.told == {"reach": "service"}, "how many there are is said by `scale`"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--replicas", "1,x"], "numbers of pods"),
        (["--replicas", "0"], "numbers of pods"),
        (["--load", "2,1"], "--load"),
        (["--load", "2"], "--load"),
        (["--experiment", "pod-kiled"], "pod-killed"),
        (["--pod-cpus", "1"], "do not fit"),
        (["--pod-memory", "much"], "--pod-memory"),
        (["--step", "soon"], "duration"),
        (["--reach", "pod"], "pods come and go"),
        (["--launcher", "docker"], "docker does not start several of it"),
    ],
)
def test_what_cannot_be_asked_for(arguments: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        ordered(*arguments)


def test_a_reference_is_not_replicated() -> None:
    given = options() | {"variants": ("null",)}
    with pytest.raises(UsageError, match="reference point"):
        _scale_order.of(given)


def test_options_of_launchers_that_start_no_copies_are_not_taken() -> None:
    command = cli.get_command(click.Context(cli), "scale")
    assert command is not None
    flags = [flag for param in command.get_params(click.Context(command)) for flag in param.opts]
    assert "--reach" in flags
    assert "--listen" not in flags
    assert flags.count("--replicas") == 1


def test_one_pod_alone_is_changed() -> None:
    order = ordered()
    (benchmark,) = order.benchmarks
    campaign = fakes.campaign([fakes.Fake()])
    planned = [cell_orders.changing(order.preset, campaign, v, benchmark) for v in order.variants]
    assert planned[0] is not None
    assert planned[0].args[0].ceiling_per_s == fakes.PROOF.ceiling_per_s
    assert [each and each.args[0].changes for each in planned] == [order.preset.changes, (), ()]
    assert {cell_orders.stages_for(v) for v in order.variants} == {DeploymentStages}
