"""The limits of the harness's own control group, from files as both versions have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.measure.campaign import checkup
from harness.measure.watch import host, own_limits
from harness.measure.watch.moment import Moment
from harness.measure.watch.own_limits import Limits
from tests import groups

GIB = 1 << 30


def written(folder: Path, said: str, files: dict[str, str]) -> Limits:
    return own_limits.read(*groups.written(folder, "self", said, files))


def test_version_2_with_the_limits_of_the_groups_above(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        "0::/slice/unit\n",
        {
            "slice/unit/cpu.max": "max 100000\n",
            "slice/unit/memory.max": "max\n",
            "slice/unit/cpu.stat": "usage_usec 5\nthrottled_usec 20\n",
            "slice/cpu.max": "150000 100000\n",
            "slice/memory.max": f"{2 * GIB}\n",
            "slice/memory.current": f"{GIB}\n",
            "slice/cpu.stat": "usage_usec 5\nthrottled_usec 70\n",
            "cpu.max": "400000 100000\n",
        },
    )
    assert found == Limits(
        cpus=1.5, memory_bytes=2 * GIB, memory_used_bytes=GIB, throttled_ns=70_000
    )


def test_a_container_sees_its_own_group_as_the_root(tmp_path: Path) -> None:
    found = written(tmp_path, "0::/\n", {"cpu.max": "200000 100000\n", "memory.max": "max\n"})
    assert found == Limits(cpus=2.0, memory_bytes=None, memory_used_bytes=None, throttled_ns=None)


def test_version_1(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        "4:memory:/a\n3:cpu,cpuacct:/a\n0::/\n",
        {
            "cpu/a/cpu.cfs_quota_us": "50000\n",
            "cpu/a/cpu.cfs_period_us": "100000\n",
            "cpu/a/cpu.stat": "nr_throttled 4\nthrottled_time 250\n",
            "cpu/cpu.cfs_quota_us": "-1\n",
            "cpu/cpu.cfs_period_us": "100000\n",
            "memory/a/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/memory.limit_in_bytes": f"{GIB}\n",
        },
    )
    assert found == Limits(cpus=0.5, memory_bytes=GIB, memory_used_bytes=None, throttled_ns=250)


@pytest.mark.parametrize("said", ["", "0::/../other\n", "0::/gone\n"])
def test_what_the_kernel_does_not_show_is_unknown(tmp_path: Path, said: str) -> None:
    assert written(tmp_path, said, {}) == Limits()


def test_a_quota_leaves_fewer_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    for quota, count in ((None, 64), (2.5, 2), (0.5, 1)):
        monkeypatch.setattr(own_limits, "read", lambda q=quota: Limits(cpus=q))
        server, generator = host.split_cpus()
        assert len({*server, *generator}) == count


def test_free_memory_is_that_of_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        own_limits, "read", lambda: Limits(memory_bytes=1 << 20, memory_used_bytes=1 << 19)
    )
    assert host.free_memory_bytes() == 1 << 19


def _check(name: str) -> tuple[str, str]:
    ground = checkup.HostState(
        proof="",
        cpus=((0,), (1,)),
        busy=0.0,
        stolen=0.0,
        meanwhile=Moment.now().watch_until(Moment.now()),
    )
    return checkup.CHECKS[name](ground)


@pytest.mark.parametrize(
    ("quota", "fit"), [(None, "good"), (64.0, "good"), (4.0, "doubtful"), (1.5, "unfit")]
)
def test_the_doctor_tells_a_quota(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, fit: str
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(own_limits, "read", lambda: Limits(cpus=quota))
    assert _check("cpu quota")[0] == fit


def test_the_doctor_tells_a_limit_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(memory_bytes=GIB // 2, memory_used_bytes=0)
    monkeypatch.setattr(own_limits, "read", lambda: limits)
    fit, said = _check("memory")
    assert fit == "unfit"
    assert "0.5 GiB that this control group may use" in said


def test_a_group_that_was_throttled_is_seen_between_two_moments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = iter((Limits(throttled_ns=10), Limits(throttled_ns=500_000_010)))
    monkeypatch.setattr(own_limits, "read", lambda: next(told))
    assert Moment.now().watch_until(Moment.now()).throttled_s == 0.5
