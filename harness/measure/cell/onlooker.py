"""Who looks on while a cell runs, without a part in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launched
from harness.measure.load.drivers import Firing
from harness.measure.load.generator.job import Job
from harness.setup.catalog import Variant
from harness.stored.records import Window
from harness.windows.profiles import Profile


class Onlooker(Protocol):
    """Is told between windows, never during one."""

    def launched(self, variant: Variant, launched: Launched) -> None:
        """A server was started, or once more."""

    def window(self, window: Window) -> None:
        """A window is over: a profile, a probe, an audit or a strain, and which is in its name."""


class _Overlooked(Stages):
    onlooker: Onlooker

    def launch(
        self, ports: Mapping[str, int] | None = None, scratch: Path | None = None
    ) -> Launched:
        launched = super().launch(ports, scratch)
        self.onlooker.launched(self.variant, launched)
        return launched

    def _window(
        self,
        launched: Launched,
        profile: Profile,
        job: Job,
        meanwhile: Callable[[Firing], None] | None = None,
    ) -> Window:
        window = super()._window(launched, profile, job, meanwhile)
        self.onlooker.window(window)
        return window


def overlooked(kind: type[Stages], onlooker: Onlooker | None) -> type[Stages]:
    """The same stages, of which somebody is told."""
    if onlooker is None:
        return kind
    return type(kind.__name__, (_Overlooked, kind), {"onlooker": onlooker})
