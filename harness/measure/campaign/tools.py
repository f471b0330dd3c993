"""The tools that all cells of a campaign share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.measure.launch.launchers import Launcher
from harness.measure.load.drivers import Driver
from harness.setup.catalog import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Launchers, the generator, and where cells run."""

    launchers: Mapping[str, Launcher]  # by name; `process` is always there, for the references
    generator: Driver
    server_cpus: tuple[int, ...]
    device: str
    scratch: Path

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A cell's own folder. Its name is short: servers make sockets below it, whose paths have a
        limit.

        Files that a container's user left in it, who is none of this machine's, go with it.
        """
        made = self.scratch / "cell"
        made.mkdir()
        try:
            yield made
        finally:
            shutil.rmtree(made)

    def launcher_of(self, variant: Variant) -> Launcher:
        """The launcher of a variant."""
        return self.launchers[variant.launcher]
