"""How long the stages of a run take, also those that fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from harness.stored.handovers import PipelineStage


class Stopwatch:
    """The stages of one run, timed."""

    def __init__(self) -> None:
        self.stages: list[PipelineStage] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[list[str]]:
        """Time one stage; the caller puts the problems of failed tries into the list."""
        problems: list[str] = []
        began_ns = time.monotonic_ns()
        try:
            yield problems
        finally:
            self.stages.append(
                PipelineStage(
                    name=name,
                    began_ns=began_ns,
                    ended_ns=time.monotonic_ns(),
                    problems=tuple(problems),
                )
            )
