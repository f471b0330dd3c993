"""The strain on a server after its windows: twice its capacity, a stop under load, and a new start
while the load continues."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.base.errors import HarnessError, LaunchError
from harness.measure.cell import federated_rounds, later_model
from harness.measure.cell.later_model import wait_until
from harness.measure.cell.life import Life, capacity_per_s, memory_bytes
from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launched
from harness.measure.load.drivers import Firing
from harness.setup import slo
from harness.setup.catalog import Variant
from harness.setup.launching import Launching
from harness.setup.slo import Slo
from harness.setup.tables import PresetTable
from harness.setup.tracks import PATTERN
from harness.stored.hosts import CEILING_SHARE, HostProof
from harness.stored.lifecycle import OVERLOAD, SHUTDOWN, Overload, Restart, Shutdown
from harness.stored.records import BenchmarkFacts
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile

TIMES = 2.0  # the capacity
RECOVERY_S = 20.0  # at most
_SETTLE_S = 0.5  # from the last window until its memory is looked at
_MODEST = 0.3  # of the capacity: a server that is to be stopped is not at its limit
_STOP_AT_S = 0.7
_REFUSES_S = 0.5  # of load after the signal, where nothing is started again
# So many at once just before the signal, else hardly any would be in flight at a modest rate.
_BURST, _BURST_AHEAD_S = 16, 0.003
_STOPS_S = 5.0  # that are planned for the stop, and for the first answers after a start
_ANSWERS_S = 1.0
_LONGEST_S = 60.0
_ASK_AGAIN_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Strain:
    """The planned strain."""

    slo: Slo
    ceiling_per_s: float | None  # of the generator
    overload_s: float  # 0: none
    shutdown: bool
    restart: bool
    replace: bool = False
    train: bool = False


def is_wanted(preset: PresetTable, variant: Variant, way: Launching) -> bool:
    """Whether a preset wants anything of a variant's server when its windows are over."""
    replaced = preset.replace and variant.table.replace_path
    idle = variant.table.track == PATTERN  # what it does while nothing is asked of it is told
    return bool(preset.strains or replaced or idle) and not variant.table.fires and way.starts


def order(
    preset: PresetTable,
    facts: BenchmarkFacts | None,
    proof: HostProof | None,
    way: Launching,
    round_number: int = 1,
) -> Strain:
    """The strain that a preset requests and the launcher permits."""
    wanted = slo.parse(facts.slo if facts else "p99<100ms")
    ceiling = proof.ceiling_per_s if proof else None
    overload_s = preset.overload_s if way.overloads else 0.0
    restart = preset.restart and way.restarts
    return Strain(
        slo=wanted,
        ceiling_per_s=ceiling,
        overload_s=overload_s,
        shutdown=preset.shutdown,
        restart=restart,
        replace=preset.replace,
        # Its accuracy is the same each time; and clients have folders of this machine.
        train=preset.replace and way.installs and round_number == 1,
    )


def undergo(strain: Strain, stages: Stages, launched: Launched, life: Life) -> None:
    """Strain a server; what is learnt is kept in `life` even where something fails half-way."""
    life.idle_cpu_share = _idle(launched)
    life.memory_after_bytes = memory_bytes(launched)
    capacity = capacity_per_s(life)
    if strain.replace and launched.exited() is None:
        later_model.undergo(stages, launched, life)
    if strain.train and launched.exited() is None:
        federated_rounds.undergo(stages, launched, life)
    if capacity is None:
        return
    if strain.overload_s:
        life.not_overloaded = beyond(strain.ceiling_per_s, TIMES * capacity)
    if strain.overload_s and not life.not_overloaded:
        _overload(strain, stages, launched, life, capacity)
    if strain.shutdown and launched.exited() is None:
        _shut_down(strain, stages, launched, life, _MODEST * capacity)


def beyond(ceiling_per_s: float | None, rate_per_s: float) -> str:
    """Why the generator can't fire at a rate; empty if it can."""
    if not ceiling_per_s or rate_per_s <= CEILING_SHARE * ceiling_per_s:
        return ""
    return (
        f"{rate_per_s:.0f}/s is more than {CEILING_SHARE:.0%} of the {ceiling_per_s:.0f}/s that "
        "the generator reached against the null server"
    )


def _idle(launched: Launched) -> float | None:
    """CPUs that it keeps busy while nothing is asked of it; None: not known."""
    before, began = launched.sample(pss=False), time.monotonic()
    time.sleep(_SETTLE_S)
    after, took_s = launched.sample(pss=False), time.monotonic() - began
    if before is None or after is None or "cpu_ns" not in before or "cpu_ns" not in after:
        return None
    return max(after["cpu_ns"] - before["cpu_ns"], 0) / 1e9 / took_s


def _overload(
    strain: Strain, stages: Stages, launched: Launched, life: Life, capacity: float
) -> None:
    profile = Profile(OVERLOAD, "poisson", strain.overload_s, rate_per_s=TIMES * capacity)
    recovered: list[float | None] = [None]

    def recover(firing: Firing) -> None:
        end_ns = firing.start_ns + int(profile.duration_s * 1e9)
        wait_until(firing, end_ns)
        recovered[0] = _recovery_s(stages, launched, strain.slo, end_ns)

    window = stages.load(launched, profile, recover)
    life.windows.append(window.of_kind(WindowKind.STRAIN))
    life.overload = Overload(
        slo=str(strain.slo),
        capacity_per_s=capacity,
        recovery_s=recovered[0],
        died=launched.exited() or "",
    )


def _recovery_s(stages: Stages, launched: Launched, wanted: Slo, end_ns: int) -> float | None:
    """Seconds from the end of the load to the first request that is answered in time again."""
    limit_s = wanted.limit_ns / 1e9
    with stages.asker(launched) as asks:
        while (began := time.monotonic_ns()) < end_ns + RECOVERY_S * 1e9:
            right = asks(max(limit_s, 1.0))
            if right and time.monotonic_ns() - began <= wanted.limit_ns:
                return (began - end_ns) / 1e9
            if launched.exited() is not None:
                return None
            time.sleep(_ASK_AGAIN_S)
    return None


def _shut_down(
    strain: Strain, stages: Stages, launched: Launched, life: Life, rate_per_s: float
) -> None:
    after_s = _REFUSES_S
    if strain.restart:
        first_s = life.startup.first_answer_s if life.startup else 0.0
        after_s = min(_STOPS_S + 1.5 * first_s + _ANSWERS_S, _LONGEST_S)
    profile = Profile(SHUTDOWN, "poisson", _STOP_AT_S + after_s, rate_per_s=rate_per_s)
    burst = np.full(_BURST, int((_STOP_AT_S - _BURST_AHEAD_S) * 1e9))
    again: list[Launched] = []
    scratch = stages.scratch.with_name("next")  # as short as its own: sockets are made below

    def stop(firing: Firing) -> None:
        wait_until(firing, firing.start_ns + int(_STOP_AT_S * 1e9))
        stop_ns = time.monotonic_ns() - firing.start_ns
        _end(stages, launched, life)
        life.shutdown = Shutdown(stop_ns, time.monotonic_ns() - firing.start_ns)
        if strain.restart:
            life.restart = _start(stages, launched, scratch, firing, again)

    try:
        # Sent once more, what the stop swallowed would not be seen to be lost.
        window = stages.load(launched, profile, stop, burst, resends=False)
        life.windows.append(window.of_kind(WindowKind.STRAIN))
        if again and life.restart and (reason := again[0].exited()) is not None:
            life.restart = Restart(life.restart.launched_ns, reason)
    finally:
        for server in again:
            server.stop()
        shutil.rmtree(scratch, ignore_errors=True)


def _end(stages: Stages, launched: Launched, life: Life) -> None:
    try:
        life.stop = stages.stop(launched)
        life.stopped = True
    except HarnessError:
        life.stopped = True  # an interrupted stop is gone on with, one that failed is not
        raise


def _start(
    stages: Stages, before: Launched, scratch: Path, firing: Firing, again: list[Launched]
) -> Restart:
    """Start it again where it was."""
    launched_ns = time.monotonic_ns() - firing.start_ns
    scratch.mkdir()
    try:
        again.append(stages.launch({"": before.port, **before.ports}, scratch))
    except LaunchError as error:
        return Restart(launched_ns, str(error))
    place = (again[0].host, again[0].port)
    if place != (before.host, before.port):
        return Restart(launched_ns, f"it came back at another address, {place[0]}:{place[1]}")
    return Restart(launched_ns)
