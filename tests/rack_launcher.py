"""A launcher that is none of the project's own: processes in a rack whose clock runs ahead.

Tests install it as a package of its own; see `tests/system/test_own_launcher.py`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.measure.launch.calls import ServerRecords
from harness.measure.launch.launchers import LaunchOrder, Option, launcher
from harness.measure.launch.launchers.process import HOST, LaunchedProcess, ProcessLauncher
from harness.setup.launching import Launching
from harness.stored.clocks import ServerClock

AHEAD_NS = 86_400 * 10**9
UNSURE_NS = 1_000


class LaunchedInRack(LaunchedProcess):
    """A server whose host booted a day before this one."""

    def calls(self) -> ServerRecords:
        """As that host's clock stamps them."""
        found = super().calls()
        shift = np.array([AHEAD_NS, 0, 0, 0])
        return replace(
            found,
            processes=tuple(replace(each, rows=each.rows + shift) for each in found.processes),
            clock=ServerClock(offset_ns=AHEAD_NS, uncertainty_ns=UNSURE_NS),
        )


@launcher(
    "rack",
    Launching(described="a process in a rack", restarts=False, here=False),
    options=(Option(name="rack-name", help="Rack that servers run in.", default="A"),),
)
class RackLauncher(ProcessLauncher):
    """Starts variants in one rack."""

    def __init__(self, rack_name: str = "A") -> None:
        super().__init__()
        self._name = rack_name

    def about(self) -> str:
        return f"rack {self._name}"

    def launch(self, order: LaunchOrder) -> LaunchedInRack:
        return LaunchedInRack(order, HOST)
