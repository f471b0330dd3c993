"""`harness scale` on a real cluster: pods that share requests, and what is done to them under load.

How long anything takes is not asked: the cluster shares a small machine with its load.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.stored.pods import ClusterChange
from harness.stored.records import Run
from harness.windows.kinds import WindowKind
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.cluster
QUICK = ("--benchmark", "noop", "--duration", "1", "--search", "4s", "--pod-memory", "256m")


def scaled(sandbox: Sandbox, *arguments: str) -> tuple[dict[str, Any], list[Run]]:
    done = sandbox.harness("scale", "_fake", *QUICK, *arguments, "--campaign", "s", "--json")
    assert done.returncode == 0, done.stderr
    runs = list(sandbox.runs("s").values())
    assert [run.facts.failure for run in runs] == [None] * len(runs)
    (row,) = json.loads(done.stdout)["variants"]
    return row, runs


def changes_of(run: Run) -> dict[str, ClusterChange]:
    assert run.facts.lifecycle is not None
    return {change.name: change for change in run.facts.lifecycle.changes}


def test_pods_share_requests_and_are_replaced_under_load(sandbox: Sandbox) -> None:
    named = ("replicas", "rolling-update", "pod-killed")
    asked = [word for name in named for word in ("--experiment", name)]
    row, runs = scaled(sandbox, *asked, "--replicas", "1,3")
    assert [point["replicas"] for point in row["points"]] == [1, 3]
    by_pods = {run.cell.point.value: run for run in runs if run.cell.point}
    life = by_pods[3].facts.lifecycle
    assert life is not None
    assert by_pods[1].facts.container is not None
    assert by_pods[1].facts.container.reached != "pod", "pods come and go"
    assert len(life.shares) == 3
    assert sum(share.calls for share in life.shares) > 0
    assert changes_of(by_pods[3]) == {}
    made = changes_of(by_pods[1])
    assert list(made) == ["rolling-update", "pod-killed"]
    windows = by_pods[1].of(WindowKind.CHANGE)
    assert [window.facts.profile.name for window in windows] == list(made)
    for change, window in zip(made.values(), windows, strict=True):
        assert change.failure == ""
        assert change.recovery_s is not None
        assert [phase.name for phase in change.phases] == ["before", "during", "after"]
        assert max(moment.present for moment in change.moments) >= 2
        assert any("is ready" in happening.said for happening in change.happenings)
        assert window.requests.ok.mean() > 0.5
        assert "one node" in change.note
    assert len(made["rolling-update"].shares) >= 4, "two old pods, and two new ones"


def test_an_autoscaler_adds_pods_when_load_is_beyond_one(sandbox: Sandbox) -> None:
    more = ("--step", "12s", "--max-pods", "3", "--pod-cpus", "0.1", "--cpu-percent", "50")
    _, (run,) = scaled(sandbox, "--experiment", "autoscaling", *more)
    (change,) = changes_of(run).values()
    assert change.failure == ""
    assert change.metrics_from
    assert change.phases[0].name == "0.5x"
    assert max(moment.wanted or 0 for moment in change.moments) > 1
    assert any(moment.cpu_percent for moment in change.moments)
    (window,) = run.of(WindowKind.CHANGE)
    assert window.facts.profile.shape == "steps"


def test_a_node_is_drained_and_takes_pods_again(sandbox: Sandbox, core: Any) -> None:
    _, (run,) = scaled(sandbox, "--experiment", "node-drained")
    (change,) = changes_of(run).values()
    assert change.failure == ""
    assert "there is no other node" in change.note
    (node,) = core.list_node().items
    assert not node.spec.unschedulable


def test_a_server_that_hangs_is_started_again(sandbox: Sandbox) -> None:
    _, (run,) = scaled(sandbox, "--experiment", "liveness")
    (change,) = changes_of(run).values()
    assert change.failure == ""
    assert any("started again" in happening.said for happening in change.happenings)
