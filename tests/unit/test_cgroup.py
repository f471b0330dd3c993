"""The kernel's figures of a container, from files as both versions of control groups have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.measure.launch.containers import cgroup
from harness.measure.launch.containers.cgroup import Cgroup
from tests import groups

V1 = {
    "cpu/docker/a/cpu.stat": "nr_periods 10\nnr_throttled 4\nthrottled_time 250000000\n",
    "cpuacct/docker/a/cpuacct.usage": "123456789\n",
    "memory/docker/a/memory.usage_in_bytes": "1000000\n",
    "memory/docker/a/memory.stat": "cache 500000\ninactive_file 7\ntotal_inactive_file 400000\n",
    "memory/docker/a/memory.max_usage_in_bytes": "2000000\n",
    "memory/docker/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    "memory/docker/a/cgroup.procs": "11\n12\n",
}
V2 = {
    "docker/a/cpu.stat": "usage_usec 123456\nnr_throttled 4\nthrottled_usec 250000\n",
    "docker/a/memory.current": "1000000\n",
    "docker/a/memory.stat": "file 500000\ninactive_file 400000\n",
    "docker/a/memory.peak": "2000000\n",
    "docker/a/memory.events": "low 0\nhigh 0\nmax 9\noom 3\noom_kill 3\n",
    "docker/a/cgroup.procs": "11\n12\n",
}
OF_V1 = "12:pids:/x\n4:memory:/docker/a\n3:cpu,cpuacct:/docker/a\n0::/system.slice\n"
OF_V2 = "0::/docker/a\n"


@pytest.fixture(params=["v1", "v2"])
def group(request: pytest.FixtureRequest, tmp_path: Path) -> Cgroup:
    files, said = (V1, OF_V1) if request.param == "v1" else (V2, OF_V2)
    found = cgroup.of_process(7, *groups.written(tmp_path, "7", said, files))
    assert found is not None
    assert found.version == int(request.param[1])
    return found


def test_cpu_time_is_in_nanoseconds(group: Cgroup) -> None:
    assert group.cpu_ns() == (123456789 if group.version == 1 else 123456000)
    assert group.throttled_ns() == 250_000_000


def test_memory_is_without_file_cache_that_can_be_dropped(group: Cgroup) -> None:
    assert group.memory_bytes() == 600_000
    assert group.memory_peak_bytes() == 2_000_000


def test_kills_for_want_of_memory_are_counted(group: Cgroup) -> None:
    assert group.out_of_memory() == 3


def test_processes_of_groups_below_are_its_own(group: Cgroup) -> None:
    below = group.memory / "worker"
    below.mkdir()
    (below / "cgroup.procs").write_text("13\n")
    assert sorted(group.pids()) == [11, 12, 13]


def test_an_old_kernel_tells_no_peak(group: Cgroup) -> None:
    for path in group.memory.glob("memory.*peak*"):
        path.unlink()
    for path in group.memory.glob("memory.max_usage*"):
        path.unlink()
    assert group.memory_peak_bytes() is None


def test_what_has_ended_or_can_t_be_seen_has_none(tmp_path: Path) -> None:
    assert cgroup.of_process(7, tmp_path, tmp_path) is None
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cgroup").write_text(OF_V2)
    assert cgroup.of_process(7, tmp_path, tmp_path) is None
