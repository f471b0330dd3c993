"""How long the stages of a run take, also those that fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from harness.stored.handovers import PipelineStage


class Stopwatch:
    """Of one run."""

    def __init__(self) -> None:
        self.stages: list[PipelineStage] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[list[str]]:
        """One stage; what is put into the list are the problems of tries that failed."""
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
