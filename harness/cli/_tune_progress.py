"""How a tune goes on: a line for each run as it ends, and on a terminal what is done meanwhile."""

from __future__ import annotations

import sys
import time
from typing import Any

from harness.cli import _say
from harness.cli._progress import clock
from harness.search.candidates import Outcome
from harness.setup import knobs
from harness.stored.identity import Cell
from harness.stored.records import Campaign, Run
from harness.stored.tunings import Tuning, TuningStep

_STAGES = {"explore": "tries", "sift": "tries longer", "confirm": "confirms"}


class Lines:
    """Lines on standard error."""

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self._began = time.monotonic()
        self._count = 0

    def note(self, text: str) -> None:
        _say.line(text, err=True)

    def begin(self, campaign: Campaign, already: int) -> None:
        self._count = already
        settings = ", ".join(
            f"{name} {_count(space)}" for name, space in self._tuning.knobs.items()
        )
        self.note(
            f"tune {campaign.id}: {self._tuning.slo} on {self._tuning.benchmark}; settings: "
            f"{settings}; {already} runs already stored; {clock(self._tuning.budget_s)} in all"
        )

    def phase(self, cell: Cell, phase: str) -> None:
        """Phases are too many for a log."""

    def onlooker(self, _: Cell) -> None:
        """Nobody who looks on."""

    def told(self, step: TuningStep, outcome: Outcome) -> None:
        """A run has ended."""
        self._count += 1
        spent = clock(time.monotonic() - self._began)
        self.note(
            f"[{spent}] {step.variant} {_STAGES[step.stage]} {knobs.said(step.setting)}: "
            f"{result(outcome, self._tuning)}"
        )

    def done(self, run: Run) -> None:
        """Told by `told`, which knows what the run was for."""

    def close(self) -> None:
        """Nothing to put back."""


class Live(Lines):
    """The same with a line that moves: the run, its phase, and the time so far."""

    def __init__(self, tuning: Tuning) -> None:
        super().__init__(tuning)
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            TextColumn(f"of {clock(tuning.budget_s)}"),
            console=Console(stderr=True),
            transient=True,
            refresh_per_second=4,
        )
        self._task: Any = self._progress.add_task("making ready", total=None)
        self._progress.start()

    def note(self, text: str) -> None:
        self._progress.console.print(_say.one(text), markup=False, highlight=False)

    def phase(self, cell: Cell, phase: str) -> None:
        self._progress.update(
            self._task, description=_say.one(f"run {self._count + 1}, {cell}: {phase}")
        )

    def close(self) -> None:
        """Give the terminal back."""
        self._progress.stop()


def observer(tuning: Tuning) -> Lines:
    """The one that fits where standard error goes."""
    return Live(tuning) if sys.stderr.isatty() else Lines(tuning)


def result(outcome: Outcome, tuning: Tuning) -> str:
    """The outcome of a run, in a few words."""
    from harness.analyse.tune import tune_words

    memory = tune_words.mib(outcome.memory_bytes)
    if outcome.failed:
        return f"failed in {outcome.failed}"
    if outcome.doubt:
        return outcome.doubt
    over = ""
    if tuning.memory_bytes is not None and (outcome.memory_bytes or 0) > tuning.memory_bytes:
        over = f", more than {tune_words.mib(tuning.memory_bytes)}"
    if outcome.capacity is None:
        lowest = tune_words.rate(outcome.high or 0.0)
        return f"the SLO is met at no rate down to {lowest}/s, {memory}{over}"
    high = "…" if outcome.high is None else tune_words.rate(outcome.high)
    low = tune_words.rate(outcome.low or 0.0)
    return f"{tune_words.rate(outcome.capacity)}/s ({low} to {high}), {memory}{over}"


def _count(space: dict[str, tuple[knobs.Value, ...]]) -> int:
    from harness.measure.tune import proposals

    return proposals.size(space)
