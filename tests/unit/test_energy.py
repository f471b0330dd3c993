"""Energy from counters as the kernel lays them out."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from harness.measure.launch.launchers import Launched
from harness.measure.watch import watching
from harness.measure.watch.energy import Counter, Energy
from tests.unit.test_stages import FakeLaunched

RANGE = 262_143_328_850


def zone(folder: Path, path: str, name: str, used_uj: int) -> Path:
    place = folder / path
    place.mkdir(parents=True, exist_ok=True)
    (place / "name").write_text(f"{name}\n")
    (place / "energy_uj").write_text(f"{used_uj}\n")
    (place / "max_energy_range_uj").write_text(f"{RANGE}\n")
    return place


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """Two packages, and what is a part, a copy or a sum of them."""
    zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 7_000_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 5_000_000)
    zone(tmp_path, "intel-rapl:2", "psys", 9_000_000)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 3_000_000)
    (tmp_path / "intel-rapl").mkdir()
    return tmp_path


def test_whole_packages_are_summed_and_each_counted_once(powercap: Path) -> None:
    before = Energy.now(powercap)
    assert set(before.counters) == {"intel-rapl:0", "intel-rapl:1"}
    for name in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:2", "intel-rapl-mmio:0"):
        (powercap / name / "energy_uj").write_text("90000000")
    (powercap / "intel-rapl:1" / "energy_uj").write_text("6500000")
    after = Energy.now(powercap)
    assert before.joules_until(after) == pytest.approx(89.0 + 1.5)
    assert before.seconds_until(after) == pytest.approx((after.at_ns - before.at_ns) / 1e9)


def test_a_counter_that_starts_again_is_unwrapped() -> None:
    before = Energy(0, {"a": Counter(RANGE - 2_000_000, RANGE), "b": Counter(10, RANGE)})
    after = Energy(10**9, {"a": Counter(3_000_000, RANGE), "b": Counter(1_000_010, RANGE)})
    assert before.joules_until(after) == pytest.approx(2.0 + 3.0 + 1.0)


def test_a_counter_that_only_root_may_read_is_not_known(
    powercap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, secret = Path.read_text, powercap / "intel-rapl:1" / "energy_uj"

    def read_text(self: Path, *args: str, **kwargs: str) -> str:
        if self == secret:
            raise PermissionError(13, "Permission denied")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", read_text)
    unreadable = Energy.now(powercap)
    assert unreadable.counters == {}  # one package of two is not told as both
    assert unreadable.joules_until(unreadable) is None


@pytest.mark.parametrize("text", ["", "a lot\n"])
def test_a_counter_that_is_no_number_is_not_known(powercap: Path, text: str) -> None:
    (powercap / "intel-rapl:0" / "energy_uj").write_text(text)
    assert Energy.now(powercap).counters == {}


def test_a_machine_without_counters_and_one_that_lost_one(powercap: Path, tmp_path: Path) -> None:
    assert Energy.now(tmp_path / "none").counters == {}
    before = Energy.now(powercap)
    assert before.joules_until(Energy(0, {})) is None
    one = {"intel-rapl:0": before.counters["intel-rapl:0"]}
    assert before.joules_until(Energy(0, one)) is None


class Counters:
    """Two moments, two seconds and fifty joules apart."""

    def __init__(self) -> None:
        self._moments = [
            Energy(0, {"a": Counter(0, RANGE)}),
            Energy(2 * 10**9, {"a": Counter(50_000_000, RANGE)}),
        ]

    def now(self) -> Energy:
        return self._moments.pop(0)


def test_both_ends_of_a_window_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "Energy", Counters())
    with watching.measuring(cast(Launched, FakeLaunched(tmp_path)), dict, ()) as meter:
        pass
    assert (meter.cpu_energy_j, meter.cpu_energy_s) == (50.0, 2.0)


def test_this_machine_s_energy_is_not_that_of_a_server_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Elsewhere(FakeLaunched):
        def sample(self, *, pss: bool) -> None:  # type: ignore[override]
            """Nobody here can know."""

    monkeypatch.setattr(watching, "Energy", Counters())
    with watching.measuring(cast(Launched, Elsewhere(tmp_path)), dict, ()) as meter:
        pass
    assert (meter.cpu_energy_j, meter.cpu_energy_s) == (None, None)
