"""Control groups of instances, in folders that look like the kernel's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.measure.launch.containers.cgroup import Cgroup
from harness.measure.launch.functions import control_groups
from harness.measure.launch.functions.control_groups import NoGroup

V1 = "3:cpuacct:/\n2:cpu:/\n4:memory:/own\n0::/\n"
V2 = "0::/user.slice/own\n"
GONE = 4_194_305  # no process has that number: the kernel's are below it


def _own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cgroup"
    path.write_text(text)
    return path


def _v1(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for folder in ("cpu", "cpuacct", "memory/own"):
        (root / folder).mkdir(parents=True)
    return root


def test_a_group_that_must_not_be_made_says_where(tmp_path: Path) -> None:
    with pytest.raises(NoGroup, match=r"no control group can be made in .*root/cpu: No such file"):
        control_groups.made(1, tmp_path / "root", _own(tmp_path, V1))


def test_a_kernel_without_quotas_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    root = _v1(tmp_path)
    with pytest.raises(NoGroup, match="this kernel does not limit CPU time"):
        control_groups.made(1, root, _own(tmp_path, V1))
    assert list(root.rglob("serving-harness-*")) == []


def test_a_group_that_has_processes_gets_none_below_it(tmp_path: Path) -> None:
    folder = tmp_path / "root" / "user.slice" / "own"
    folder.mkdir(parents=True)
    with pytest.raises(NoGroup, match="systemd-run --scope -p Delegate=yes"):
        control_groups.made(1, tmp_path / "root", _own(tmp_path, V2))
    assert list(folder.iterdir()) == []


def test_without_a_control_file_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoGroup, match="its own control group can't be read"):
        control_groups.made(1, tmp_path, tmp_path / "cgroup")


@pytest.mark.parametrize(
    ("cpus", "limit"), [(1.0, "20000 20000"), (0.5, "10000 20000"), (0.01, "1000 20000")]
)
def test_version_2_is_told_the_share_and_the_memory(
    tmp_path: Path, cpus: float, limit: str
) -> None:
    parent = Cgroup(version=2, cpu=tmp_path, cpuacct=tmp_path, memory=tmp_path)
    found = control_groups.child(parent, "7-1", cpus=cpus, memory_bytes=128 << 20)
    assert found.memory == tmp_path / "7-1"
    assert (found.cpu / "cpu.max").read_text() == limit
    assert (found.memory / "memory.max").read_text() == str(128 << 20)
    assert (found.memory / "memory.swap.max").read_text() == "0"
    assert (found.memory / "memory.oom.group").read_text() == "1"


def test_version_1_is_told_the_same(tmp_path: Path) -> None:
    root = _v1(tmp_path)
    parent = Cgroup(version=1, cpu=root / "cpu", cpuacct=root / "cpuacct", memory=root / "memory")
    found = control_groups.child(parent, "7-1", cpus=1.5, memory_bytes=128 << 20)
    assert (found.cpu / "cpu.cfs_period_us").read_text() == "20000"
    assert (found.cpu / "cpu.cfs_quota_us").read_text() == "30000"
    assert (found.memory / "memory.limit_in_bytes").read_text() == str(128 << 20)
    assert {each.memory.name for each in control_groups.children(parent)} == {"7-1", "own"}


def test_groups_of_harnesses_that_are_gone_are_removed(tmp_path: Path) -> None:
    root = _v1(tmp_path)
    gone = root / "memory" / "own" / f"serving-harness-function-{GONE}-1" / "1-1"
    kept = root / "cpu" / f"serving-harness-function-{os.getpid()}-1"
    gone.mkdir(parents=True)
    kept.mkdir()
    control_groups.sweep(root, _own(tmp_path, V1))
    assert not gone.parent.exists()
    assert kept.exists()


def test_a_group_travels_as_json() -> None:
    found = Cgroup(version=1, cpu=Path("/a"), cpuacct=Path("/b"), memory=Path("/c"))
    assert control_groups.of_json(control_groups.as_json(found)) == found
