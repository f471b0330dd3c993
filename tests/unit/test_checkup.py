"""Each check of the host on both sides of its limits."""

from __future__ import annotations

import resource
import timeit
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import psutil
import pytest

from harness.measure.campaign import checkup
from harness.measure.campaign.checkup import CHECKS, HostState
from harness.measure.watch import host
from harness.stored.hosts import HostProof, HostWatch

QUIET = HostWatch(suspended_s=0.0, clock_step_s=0.0, swapped_in=0, swapped_out=0, mhz=())
PROOF = HostProof(ceiling_per_s=50_000.0, lag_p50_us=30.0, lag_p99_us=300.0, rate_per_s=1000.0)
GOOD = HostState(proof=PROOF, cpus=((0,), (1,)), busy=0.01, stolen=0.0, meanwhile=QUIET)


def ground(**changes: object) -> HostState:
    return replace(GOOD, **changes)  # type: ignore[arg-type]


def proof(**changes: float) -> HostState:
    return ground(proof=replace(PROOF, **changes))


@pytest.mark.parametrize(
    ("name", "seen", "fit", "said"),
    [
        ("cpus", GOOD, "good", "1 for the server, 1 for the generator"),
        ("cpus", ground(cpus=((0,), (0,))), "unfit", "server and generator share it"),
        ("generator ceiling", GOOD, "good", "50000/s against the null server"),
        ("generator ceiling", proof(ceiling_per_s=4999), "doubtful", "4999/s"),
        ("generator ceiling", proof(ceiling_per_s=999), "unfit", "999/s"),
        ("generator ceiling", ground(proof="Taken."), "doubtful", "not known. Taken."),
        ("send lag", GOOD, "good", "median 30 us, p99 300 us, at 1000/s"),
        ("send lag", proof(lag_p99_us=5001), "doubtful", "5001"),
        ("send lag", proof(lag_p50_us=501), "unfit", "every request is sent late"),
        ("send lag", ground(proof="Taken."), "doubtful", "not known"),
        ("other load", GOOD, "good", "1% of the CPU time"),
        ("other load", ground(busy=0.11), "doubtful", "11%"),
        ("other load", ground(busy=0.51), "unfit", "Stop processes that do not belong"),
        ("other load", ground(busy=None), "doubtful", "does not show it"),
        ("stolen time", GOOD, "good", "0.0%"),
        ("stolen time", ground(stolen=0.03), "doubtful", "3.0%"),
        ("stolen time", ground(stolen=0.11), "unfit", "dedicated CPUs"),
        ("stolen time", ground(stolen=None), "doubtful", "does not show it"),
    ],
)
def test_a_check(name: str, seen: HostState, fit: str, said: str) -> None:
    found, message = CHECKS[name](seen)
    assert found == fit
    assert said in message


@pytest.mark.parametrize(
    ("used_gib", "pages", "fit"),
    [(0.0, 0, "good"), (0.2, 0, "doubtful"), (0.0, 1, "doubtful"), (0.0, 1001, "unfit")],
)
def test_swap(used_gib: float, pages: int, fit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used = type("Swap", (), {"used": used_gib * host.GIB})
    monkeypatch.setattr(psutil, "swap_memory", lambda: used)
    meanwhile = replace(QUIET, swapped_in=pages, swapped_out=None)
    assert CHECKS["swap"](ground(meanwhile=meanwhile))[0] == fit


@pytest.mark.parametrize(
    ("late_us", "fit"),
    [
        ([60.0] * 200, "good"),
        ([60.0] * 190 + [2600.0] * 10, "doubtful"),
        ([260.0] * 200, "doubtful"),
        ([501.0] * 200, "unfit"),
    ],
)
def test_timer(late_us: list[float], fit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "timer_lateness_us", lambda: late_us)
    assert CHECKS["timer"](GOOD)[0] == fit


def test_the_timer_never_wakes_too_early() -> None:
    late_us = checkup.timer_lateness_us()
    assert len(late_us) == 200
    assert min(late_us) >= 0
    assert np.median(late_us) < 100_000


@pytest.mark.parametrize(("cost_ns", "fit"), [(50, "good"), (501, "doubtful")])
def test_clock_source(cost_ns: float, fit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def repeat(*_: object, number: int, repeat: int) -> list[float]:
        return [number * cost_ns / 1e9, *[1.0] * (repeat - 1)]

    monkeypatch.setattr(timeit, "repeat", repeat)
    found, message = CHECKS["clock source"](GOOD)
    assert found == fit
    assert f"{cost_ns:.0f} ns a reading" in message


@pytest.mark.parametrize(
    ("governor", "mhz", "fit", "said"),
    [
        (None, [], "good", "no governor); the frequency is not shown"),
        ("performance", [3000.0, 3100.0], "good", "now 3000 to 3100 MHz"),
        ("powersave", [800.0, 3100.0], "doubtful", "Set it to 'performance'"),
    ],
)
def test_frequency(
    governor: str | None, mhz: list[float], fit: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "governor", lambda: governor)
    monkeypatch.setattr(host, "frequencies_mhz", lambda cpus: mhz if cpus == [0, 1] else None)
    found, message = CHECKS["frequency"](GOOD)
    assert found == fit
    assert said in message


@pytest.mark.parametrize(
    ("limit", "fit"), [(1024, "unfit"), (2048, "doubtful"), (4096, "good"), (-1, "good")]
)
def test_open_files(limit: int, fit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert CHECKS["open files"](GOOD)[0] == fit


def test_all_checks_are_run_on_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "_LOOK_S", 0.05)
    seen: list[HostState] = []

    def recorded(what: HostState) -> tuple[checkup.Fit, str]:
        seen.append(what)
        return "good", "fine"

    checks: dict[str, Callable[[HostState], tuple[checkup.Fit, str]]] = {
        "a": recorded,
        "b": recorded,
    }
    monkeypatch.setattr(checkup, "CHECKS", checks)
    found = list(checkup.all_checks(PROOF, ((0,), (1,))))
    assert [(check.name, check.fit, check.message) for check in found] == [
        ("a", "good", "fine"),
        ("b", "good", "fine"),
    ]
    assert seen[0] is seen[1]
    assert (seen[0].proof, seen[0].cpus) == (PROOF, ((0,), (1,)))
