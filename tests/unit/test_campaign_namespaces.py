"""What a command makes in a cluster is removed, also by the next one; nothing of others is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.base.errors import LaunchError
from harness.manifests.workload import PART_OF
from harness.measure.launch.kubernetes import campaign_namespace, cordons, kubeconfig
from harness.measure.launch.kubernetes.campaign_namespace import OWNED, OWNER, owned, owner
from harness.measure.launch.kubernetes.cluster import Cluster
from tests.kubernetes_api import FakeApi, api

NAMESPACES = "/api/v1/namespaces"
GONE = owner().rpartition("/")[0] + "/999999999:1.00"  # a process of this machine that is no more
ELSEWHERE = "another-boot/1/1:1.00"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with api(tmp_path) as found:
        yield found


@pytest.fixture
def cluster(fake: FakeApi) -> Iterator[Cluster]:
    found = kubeconfig.connect()
    yield found
    found.close()


def ours(of: str) -> dict[str, Any]:
    """An object that this project made."""
    labels = {"app.kubernetes.io/part-of": PART_OF, OWNED: owned(of)}
    return {"metadata": {"labels": labels, "annotations": {OWNER: of}}}


def test_a_campaign_has_a_namespace_of_its_own(fake: FakeApi, cluster: Cluster) -> None:
    space = campaign_namespace.chosen(cluster, "", owner())
    assert space.is_own
    space.make(cluster)
    made = fake.objects[f"{NAMESPACES}/{space.name}"]["metadata"]
    assert made["name"].startswith("serving-harness-")
    assert made["labels"]["app.kubernetes.io/part-of"] == PART_OF
    assert made["annotations"][OWNER] == owner()
    space.remove(cluster)
    assert f"{NAMESPACES}/{space.name}" not in fake.objects


def test_a_name_that_is_free_is_how_its_own_begins(cluster: Cluster) -> None:
    space = campaign_namespace.chosen(cluster, "team-a", owner())
    assert (space.is_own, space.name.startswith("team-a-")) == (True, True)


def test_of_one_that_is_there_only_what_was_made_is_removed(
    fake: FakeApi, cluster: Cluster
) -> None:
    fake.put(f"{NAMESPACES}/mine", {})
    fake.put(f"{NAMESPACES}/mine/services/theirs", {})
    fake.put(f"{NAMESPACES}/mine/services/another-s", ours(ELSEWHERE))
    space = campaign_namespace.chosen(cluster, "mine", owner())
    assert not space.is_own
    space.make(cluster)
    made = space.marked({"metadata": {"name": "x"}})
    cluster.post("/apis/apps/v1/namespaces/mine/deployments", made)
    space.remove(cluster)
    left = {path for path in fake.objects if "/mine" in path}
    assert left == {
        f"{NAMESPACES}/mine",
        f"{NAMESPACES}/mine/services/theirs",
        f"{NAMESPACES}/mine/services/another-s",
    }


def test_one_that_is_being_deleted_is_named_with_what_keeps_it(
    fake: FakeApi, cluster: Cluster
) -> None:
    stuck = {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "a.b/c remains"}
    fake.put(
        f"{NAMESPACES}/old",
        {"status": {"phase": "Terminating", "conditions": [stuck]}, **ours(owner())},
    )
    with pytest.raises(LaunchError, match=r"old is being deleted \(a.b/c remains\)"):
        campaign_namespace.chosen(cluster, "old", owner())
    assert list(campaign_namespace.others(cluster)) == [
        ("old", "it is being deleted (a.b/c remains)")
    ]


def test_the_next_command_removes_what_is_abandoned(fake: FakeApi, cluster: Cluster) -> None:
    for name, of in (("gone", GONE), ("alive", owner()), ("elsewhere", ELSEWHERE)):
        fake.put(f"{NAMESPACES}/{name}", ours(of))
    fake.put(f"{NAMESPACES}/theirs", {})
    assert list(campaign_namespace.sweep(cluster, dry_run=True)) == [
        "namespace gone of the context fake"
    ]
    assert f"{NAMESPACES}/gone" in fake.objects
    list(campaign_namespace.sweep(cluster))
    assert f"{NAMESPACES}/gone" not in fake.objects
    for name in ("alive", "elsewhere", "theirs"):
        assert f"{NAMESPACES}/{name}" in fake.objects
    (other,) = campaign_namespace.others(cluster)
    assert other == ("elsewhere", "it is of another machine, or of an earlier boot of this one")


def test_what_is_abandoned_in_a_namespace_of_others_goes_too(
    fake: FakeApi, cluster: Cluster
) -> None:
    fake.put(f"{NAMESPACES}/mine", {})
    for name, of in (("gone", GONE), ("alive", owner())):
        fake.put(f"/apis/apps/v1/namespaces/mine/deployments/{name}", ours(of))
    assert list(campaign_namespace.sweep(cluster, within="mine")) == [
        "mine/deployments/gone of the context fake"
    ]
    assert "/apis/apps/v1/namespaces/mine/deployments/alive" in fake.objects


def test_who_may_not_list_namespaces_finds_nothing_left(fake: FakeApi, cluster: Cluster) -> None:
    fake.answers["GET", NAMESPACES] = (403, b"{}")
    assert list(campaign_namespace.sweep(cluster)) == []


def test_a_node_takes_pods_again_after_its_experiment(fake: FakeApi, cluster: Cluster) -> None:
    node = "/api/v1/nodes/node-1"
    cordons.put(cluster, "node-1", owner(), on=True)
    assert fake.objects[node]["spec"]["unschedulable"] is True
    assert list(cordons.taken_off(cluster)) == []  # its owner lives
    assert list(cordons.taken_off(cluster, owner())) == ["node-1"]
    assert "unschedulable" not in fake.objects[node]["spec"]
    cordons.put(cluster, "node-1", GONE, on=True)
    assert list(cordons.taken_off(cluster)) == ["node-1"]
