"""A burst: requests at once to a function that has no instance."""

from __future__ import annotations

from harness.measure.cell.function_stages import FunctionStages
from harness.measure.launch.functions import LaunchedFunction
from harness.setup.functions import THROTTLE, FunctionTable, Scaling
from harness.stored.functions import BURST, Burst
from harness.stored.records import Window
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile


def fire(
    stages: FunctionStages,
    launched: LaunchedFunction,
    told: FunctionTable,
    profile: Profile,
    limit: int,
) -> tuple[Window, Burst]:
    """Fire it from no instance; beyond the limit requests are throttled."""
    control = launched.control
    control.scale(Scaling(most_instances=limit, beyond=THROTTLE, idle_s=told.idle_s))
    control.retire()
    window = stages.load(launched, profile, resends=False)
    burst = Burst(most_instances=limit, beyond=THROTTLE)
    return window.of_kind(WindowKind.BURST), burst


def profile_of(per_s: float, seconds: float) -> Profile:
    """Arrivals at random at a rate that is there at once."""
    return Profile(BURST, "poisson", seconds, rate_per_s=per_s)
