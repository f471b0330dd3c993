"""Control groups of pods on this machine: found by the container's name, held, and counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.measure.launch.containers import cgroup
from harness.measure.launch.kubernetes import pod_groups
from harness.measure.launch.kubernetes.pod_groups import PodGroups
from tests import groups

ID = "0123abcd" * 8
SAID_V1 = f"4:memory:/kubepods/podx/{ID}\n3:cpuset:/kubepods/podx/{ID}\n2:cpu,cpuacct:/x/{ID}\n"
SAID_V2 = f"0::/kubepods.slice/cri-containerd-{ID}.scope\n"


def test_a_container_is_found_by_its_id_alone(tmp_path: Path) -> None:
    for pid, said in {"7": "0::/else\n", "31": SAID_V1, "30": SAID_V1}.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cgroup").write_text(said)
    (tmp_path / "meminfo").write_text("")
    (tmp_path / "8").mkdir()  # it ended while we looked
    assert pod_groups.process_of(ID, tmp_path) == 30
    assert pod_groups.process_of("f" * 64, tmp_path) is None


@pytest.mark.parametrize(
    ("said", "folder"),
    [
        (SAID_V1, f"cpuset/kubepods/podx/{ID}"),
        (SAID_V2, f"kubepods.slice/cri-containerd-{ID}.scope"),
    ],
    ids=["v1", "v2"],
)
def test_a_container_is_held_to_the_servers_cpus(said: str, folder: str, tmp_path: Path) -> None:
    files = {f"{folder}/cpuset.cpus": "0-3\n", **_root(said)}
    root, proc = groups.written(tmp_path, "7", said, files)
    assert pod_groups.hold(7, (3, 1), root, proc)
    assert (root / folder / "cpuset.cpus").read_text() == "1,3"


def test_where_the_kernel_gives_other_cpus_it_is_not_held(tmp_path: Path) -> None:
    folder = f"kubepods.slice/cri-containerd-{ID}.scope"
    files = {f"{folder}/cpuset.cpus.effective": "0-1,5\n", **_root(SAID_V2)}
    root, proc = groups.written(tmp_path, "7", SAID_V2, files)
    assert not pod_groups.hold(7, (0, 1), root, proc)
    assert pod_groups.hold(7, (0, 1, 5), root, proc)


def _root(said: str) -> dict[str, str]:
    return {"cgroup.controllers": "cpuset cpu memory\n"} if said.startswith("0::") else {}


def test_what_is_in_no_such_group_is_not_held(tmp_path: Path) -> None:
    root, proc = groups.written(tmp_path, "7", "4:memory:/x\n", {})
    assert not pod_groups.hold(7, (0,), root, proc)
    assert not pod_groups.hold(8, (0,), root, proc)


def test_pods_are_counted_together_also_when_one_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {pid: groups.of_version_2(tmp_path, pid) for pid in (2, 3)}
    monkeypatch.setattr(cgroup, "of_process", made.get)
    found = PodGroups()
    assert found.counts() == (None, None, None)
    assert found.add("p-1", "server", 2)
    assert found.add("p-2", "server", 3)
    assert not found.add("p-2", "server", 4)
    assert found.sample(pss=False) is None  # no process is in them
    (made[3].memory / "cgroup.procs").write_text("1\n")
    seen = found.sample(pss=False) or {}
    assert (seen["cpu_ns"], seen["memory_bytes"], seen["throttled_ns"]) == (5_000_000, 45, 5_000)
    assert seen["processes"] == 1
    for path in made[2].memory.iterdir():
        path.unlink()
    seen = found.sample(pss=False) or {}
    assert (seen["cpu_ns"], seen["memory_bytes"]) == (5_000_000, 27)
    assert found.counts() == (300, 5e-6, 2)
    made[5] = groups.of_version_2(tmp_path, 5)
    assert found.add("p-1", "beside", 5)
    assert found.counts() == (700, 10e-6, 3)


def test_a_pod_s_own_quota_may_bite_before_its_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = tmp_path / "kubepods-pod1.slice"
    pod.mkdir()
    (pod / "cpu.stat").write_text("usage_usec 7\nthrottled_usec 9000\n")
    made = groups.of_version_2(pod, 2)
    (made.memory / "cgroup.procs").write_text("1\n")
    monkeypatch.setattr(cgroup, "of_process", lambda _: made)
    found = PodGroups()
    assert found.add("p-1", "server", 1)
    assert (found.sample(pss=False) or {})["throttled_ns"] == 9_000_000
    assert found.counts()[1] == 9e-3
