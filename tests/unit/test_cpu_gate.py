"""The CPU of an instance, taken away between its requests."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harness.measure.launch.containers.cgroup import Cgroup
from harness.measure.launch.functions import cpu_gate
from harness.measure.launch.functions.cpu_gate import PauseGate


@pytest.mark.parametrize(
    ("version", "name", "opened", "shut"),
    [
        (1, "cpu.cfs_quota_us", "150000", "1000"),
        (1, "cpu.cfs_quota_us", "-1", "1000"),
        (2, "cpu.max", "150000 100000", "1000 100000"),
        (2, "cpu.max", "max 100000", "1000 100000"),
    ],
)
def test_a_quota_is_turned_down_and_back(
    tmp_path: Path, version: int, name: str, opened: str, shut: str
) -> None:
    file = tmp_path / name
    file.write_text(f"{opened}\n")
    gate = cpu_gate.of_group(
        Cgroup(version=version, cpu=tmp_path, cpuacct=tmp_path, memory=tmp_path)
    )
    assert gate is not None
    gate.shut()
    assert file.read_text() == shut
    asyncio.run(gate.open())
    assert file.read_text() == opened


def test_a_group_that_is_not_seen_has_none(tmp_path: Path) -> None:
    group = Cgroup(version=2, cpu=tmp_path, cpuacct=tmp_path, memory=tmp_path)
    assert cpu_gate.of_group(group) is None
    assert cpu_gate.of_group(None) is None


def test_a_group_that_has_gone_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("max 100000")
    gate = cpu_gate.of_group(Cgroup(version=2, cpu=tmp_path, cpuacct=tmp_path, memory=tmp_path))
    assert gate is not None
    (tmp_path / "cpu.max").unlink()
    tmp_path.rmdir()
    gate.shut()


def test_a_pause_comes_late_and_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_gate, "PAUSE_AFTER_S", 0.01)
    said: list[str] = []

    async def slowly(what: str) -> None:
        said.append(f"{what}...")
        await asyncio.sleep(0.01)
        said.append(what)

    async def run() -> None:
        gate = PauseGate(freeze=lambda: slowly("freeze"), thaw=lambda: slowly("thaw"))
        gate.shut()
        await gate.open()  # before it came to that
        await asyncio.sleep(0.05)
        assert said == []
        gate.shut()
        while not said:
            await asyncio.sleep(0)
        await gate.open()  # while it is being frozen
        assert said == ["freeze...", "freeze", "thaw...", "thaw"]
        gate.shut()
        while said[-1] != "freeze" or len(said) < 6:
            await asyncio.sleep(0.001)
        await gate.open()
        assert said[6:] == ["thaw...", "thaw"]
        await gate.open()
        assert len(said) == 8

    asyncio.run(run())
