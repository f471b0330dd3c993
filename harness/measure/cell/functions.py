"""What a function is put through after its windows: cold starts, and a burst from no instance."""

from __future__ import annotations

from dataclasses import dataclass

from harness.measure.cell import bursting, cold
from harness.measure.cell.function_stages import FunctionStages
from harness.measure.cell.life import Life
from harness.measure.launch.functions import LaunchedFunction
from harness.measure.launch.launchers import Launched
from harness.setup.functions import FunctionTable, Scaling, scaling
from harness.stored.starts import TEMPERATURES, Starts
from harness.windows.profiles import Profile

_BY_ITSELF = "what starts its instances does so by itself, and can't be told to"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartsOrder:
    """The planned starts and burst of a function."""

    told: FunctionTable
    usual: Scaling
    cold_starts: int  # at each temperature; 0: none
    burst: Profile | None
    burst_instances: int


def order(
    told: FunctionTable, cpus: int, cold_starts: int, burst: Profile | None, burst_instances: int
) -> StartsOrder:
    """The order for a variant whose instances have so many CPUs."""
    return StartsOrder(
        told=told,
        usual=scaling(told, cpus),
        cold_starts=cold_starts,
        burst=burst,
        burst_instances=burst_instances,
    )


def undergo(order: StartsOrder, stages: FunctionStages, launched: Launched, life: Life) -> None:
    """Start instances and burst; what is learnt is kept in `life` even where something fails."""
    if not isinstance(launched, LaunchedFunction):
        if order.cold_starts:
            life.starts = Starts(impossible=tuple((each, _BY_ITSELF) for each in TEMPERATURES))
        return
    try:
        if order.cold_starts:
            life.starts = cold.sample(stages, launched, order.told, order.cold_starts)
        if order.burst is not None and launched.exited() is None:
            cold.warm_files(stages, launched)
            window, life.burst = bursting.fire(
                stages, launched, order.told, order.burst, order.burst_instances
            )
            life.windows.append(window)
    finally:
        if launched.exited() is None:
            launched.control.scale(order.usual)
    if launched.exited() is None:
        launched.control.retire()
        stages.once(launched, cold.PATIENCE_S)  # what comes next meets a function that is up
