"""What instances that are processes of this machine stand on: control groups, and their files."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness.base import paths
from harness.base.errors import LaunchError
from harness.measure.launch.containers.cgroup import Cgroup
from harness.measure.launch.containers.groups import Lasting
from harness.measure.launch.functions import control_groups
from harness.measure.launch.functions.control import Cooling
from harness.measure.launch.functions.process_instances import NO_IMAGE
from harness.measure.launch.launchers import LaunchOrder
from harness.measure.watch import tree
from harness.windows.samples import MISSING

_SERIAL = itertools.count(1)


@dataclass(slots=True, kw_only=True)
class ProcessGround:
    """The control group of one function. Raises LaunchError where none can be had."""

    order: LaunchOrder
    group: Cgroup = field(init=False)
    cooling: Cooling = field(init=False)
    address: str = ""  # they are on loopback
    _throttled: dict[Path, Lasting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        control_groups.sweep()
        try:
            self.group = control_groups.made(next(_SERIAL))
        except control_groups.NoGroup as error:
            raise LaunchError(f"The function has no place to run in: {error}.") from error
        self.cooling = Cooling(files=tuple(_files(self.order)), why_no_image=NO_IMAGE)

    def sample(self, *, pss: bool) -> dict[str, int] | None:
        """See Ground."""
        try:
            found = {
                "cpu_ns": self.group.cpu_ns(),
                "memory_bytes": self.group.memory_bytes(),
                "throttled_ns": self._throttled_ns(),
            }
        except OSError:
            return None
        pids = self.group.pids()
        seen = tree.of_processes(pids, pss=pss)
        if not pids:  # scaled to zero: nothing is known to be used
            seen = {name: 0 if value == MISSING else value for name, value in seen.items()}
        return {**found, **seen}

    def exposed(self) -> tuple[str, ...]:
        """They are below the keeper, which looks at all of them."""
        return ()

    def close(self) -> None:
        """See Ground."""
        if not control_groups.removed(self.group):
            raise LaunchError(
                f"Some instances could not be ended. Look for processes in {self.group.memory}."
            )

    def _throttled_ns(self) -> int:
        """Of each instance by itself: the kernel does not add them up."""
        for child in control_groups.children(self.group):
            self._throttled.setdefault(child.cpu, Lasting(child))
        return sum(each.throttled_ns() for each in self._throttled.values())


def _files(order: LaunchOrder) -> Iterator[Path]:
    """All that an instance reads when it starts, but for the system's own."""
    table = order.variant.table
    server = order.variant.server
    yield from (order.artefact, server.folder, server.shared)
    yield order.benchmark.predictor(table.backend).parent
    yield order.provided.bin.parent
    with suppress(OSError):
        yield (order.provided.bin / "python").resolve(strict=True)
    yield Path(sys.base_prefix) / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    yield paths.PROJECT / "servers" / "shared"
