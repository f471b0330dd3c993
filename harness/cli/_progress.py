"""How a campaign goes on: a live display on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from harness.cli import _say
from harness.cli._dry_run import left_out
from harness.stored.identity import Cell
from harness.stored.records import Campaign, Run


class TimeLeft:
    """The time left, from the planned windows and what variants took beside theirs before."""

    def __init__(self, campaign: Campaign, already: int) -> None:
        from harness.measure.campaign.costs import Costs

        self._campaign = campaign
        self._costs = Costs()
        self._begun = time.monotonic()
        self._cells = list(campaign.cells)
        self.total = len(campaign.cells)
        self.finished = already

    def done(self) -> None:
        """A cell has finished, and the costs have learnt from it."""
        from harness.measure.campaign.costs import Costs

        self._begun, self._costs = time.monotonic(), Costs()
        self.finished += 1

    def left_s(self) -> float:
        """Seconds until the last cell ends."""
        facts = self._campaign.benchmarks
        cells = self._cells[self.finished :]
        whole = sum(self._costs.of(cell, facts.get(cell.benchmark_name)) for cell in cells)
        return max(0.0, whole - (time.monotonic() - self._begun))


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def result_line(run: Run) -> str:
    """The outcome of a cell, in one line."""
    failure = run.facts.failure
    if failure is not None:
        return f"{run.cell}: failed ({failure.phase}): {failure.message}"
    startup = run.facts.startup
    requests = sum(len(window.requests) for window in run.profiles)
    ready = f"ready after {startup.ready_s:.1f} s, " if startup else ""
    return f"{run.cell}: {ready}{requests} requests"


class Plain:
    """Lines on standard error."""

    def __init__(self) -> None:
        self._estimate: TimeLeft | None = None

    def note(self, text: str) -> None:
        _say.line(text, err=True)

    def begin(self, campaign: Campaign, already: int) -> None:
        more = self._estimate is not None
        for line in () if more else left_out(campaign.left_out):
            self.note(line)
        self._estimate = TimeLeft(campaign, already)
        if more:
            self.note(f"not decided yet: {len(campaign.cells) - already} more cells")
            return
        self.note(
            f"campaign {campaign.id}: {len(campaign.cells)} cells, {already} already stored, "
            f"about {clock(self._estimate.left_s())} left"
        )

    def phase(self, cell: Cell, phase: str) -> None:
        """Phases are too many for a log."""

    def onlooker(self, _: Cell) -> None:
        """Nobody who looks on."""

    def done(self, run: Run) -> None:
        assert self._estimate is not None
        self._estimate.done()
        place = f"[{self._estimate.finished}/{self._estimate.total}]"
        self.note(f"{place} {result_line(run)}; {clock(self._estimate.left_s())} left")

    def close(self) -> None:
        """Nothing to put back."""


class LiveBar:
    """A bar with the cell, its phase, and the time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]} left"),
            console=self._console,
            transient=True,
            refresh_per_second=2,
        )
        self._task: Any = None
        self._estimate: TimeLeft | None = None

    def note(self, text: str) -> None:
        self._progress.console.print(_say.one(text), markup=False, highlight=False)

    def begin(self, campaign: Campaign, already: int) -> None:
        self._estimate = TimeLeft(campaign, already)
        for line in () if self._task is not None else left_out(campaign.left_out):
            self.note(line)
        if self._task is not None:  # more cells than were planned
            self._progress.update(self._task, total=len(campaign.cells), completed=already)
            return
        self._task = self._progress.add_task(
            "", total=len(campaign.cells), completed=already, left=self._left()
        )
        self._progress.start()

    def phase(self, cell: Cell, phase: str) -> None:
        self._progress.update(
            self._task, description=_say.one(f"{cell}: {phase}"), left=self._left()
        )

    def onlooker(self, _: Cell) -> None:
        """Nobody who looks on."""

    def done(self, run: Run) -> None:
        assert self._estimate is not None
        self._estimate.done()
        self._progress.update(self._task, completed=self._estimate.finished, left=self._left())
        self.note(result_line(run))

    def close(self) -> None:
        """Give the terminal back."""
        self._progress.stop()

    def _left(self) -> str:
        return clock(self._estimate.left_s()) if self._estimate else "?"


Item = TypeVar("Item")


class PhaseLines:
    """The current step of a command: on a terminal a temporary line, otherwise one line for each
    cell."""

    def __init__(self) -> None:
        self._status: Any = None
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("")

    def note(self, text: str) -> None:
        """A line that stays."""
        self._clear()
        _say.line(text, err=True)

    def show(self, cell: Cell, phase: str) -> None:
        """A cell has come to that phase."""
        said = f"{cell.variant_name} on {cell.benchmark_name}"
        if self._status is not None:
            from rich.text import Text

            self._status.update(Text(_say.one(f"{said}: {phase}")))
            self._status.start()
        elif phase == "provision":
            _say.line(said, err=True)

    def during(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items; between them the terminal is free for what is said of each."""
        try:
            for item in items:
                self._clear()
                yield item
        finally:
            self._clear()

    def _clear(self) -> None:
        if self._status is not None:
            self._status.stop()


def observer() -> Plain | LiveBar:
    """The one that fits where standard error goes."""
    return LiveBar() if sys.stderr.isatty() else Plain()
