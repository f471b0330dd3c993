"""What is known of a campaign while it goes on: written between windows, read by each scrape."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.stored.identity import Cell
from harness.stored.records import Campaign

OK = "ok"  # the outcome of a request that was answered rightly


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSeen:
    """The figures of a window that is over."""

    name: str
    outcomes: Mapping[str, int]  # how many requests, by OK or their error
    due_per_s: float | None  # None: a closed loop has no plan
    answered_per_s: float
    response_s: Mapping[str, float]  # by percentile, where enough requests lie behind it
    server_cpus: float | None  # that its processes kept busy
    server_memory_bytes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapedServer:
    """The metrics endpoint of the server that is up."""

    address: str  # host:port
    path: str
    scheme: str
    framework: str


@dataclass(slots=True, kw_only=True)
class CampaignStanding:
    """How a campaign stands. Times are seconds since the epoch, as Prometheus has them."""

    campaign: Campaign | None = None
    ends_at: float | None = None  # as expected
    done: int = 0
    failed: int = 0
    cell: Cell | None = None
    phase: str = ""
    phase_since: float = 0.0
    window: WindowSeen | None = None  # the last one of this cell
    server: ScrapedServer | None = None
    requests: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    windows: Counter[tuple[str, str]] = field(default_factory=Counter)
    results: dict[Cell, tuple[Mapping[str, str], Mapping[str, float]]] = field(default_factory=dict)


class Watched:
    """A campaign's standing, shared by the thread that measures and those that are asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standing = CampaignStanding()
        self.changed_s = time.monotonic()  # when a result was added
        self.changed: Callable[[], None] = lambda: None  # is called after each change

    @contextmanager
    def standing(self) -> Iterator[CampaignStanding]:
        """The standing, while nobody else has it."""
        with self._lock:
            yield self._standing

    @contextmanager
    def _changing(self) -> Iterator[CampaignStanding]:
        with self.standing() as now:
            yield now
        self.changed()

    def begin(self, campaign: Campaign, already: int, left_s: float) -> None:
        """It begins, or goes on with more cells than were planned."""
        with self._changing() as now:
            now.campaign, now.ends_at = campaign, time.time() + left_s
            now.done = already

    def phase(self, cell: Cell, phase: str) -> None:
        """A cell has come to that phase."""
        with self._changing() as now:
            if cell != now.cell:
                now.window = now.server = None
            now.cell, now.phase, now.phase_since = cell, phase, time.time()
            if phase == "stop":
                now.server = None

    def launched(self, server: ScrapedServer | None) -> None:
        """A server was started; None: it has no metrics of its own."""
        with self._changing() as now:
            now.server = server

    def window(self, cell: Cell, seen: WindowSeen) -> None:
        """A window is over."""
        with self._changing() as now:
            now.window = seen
            names = (cell.variant_name, cell.benchmark_name)
            now.windows[names] += 1
            for outcome, count in seen.outcomes.items():
                now.requests[(*names, outcome)] += count

    def finished(
        self,
        cell: Cell,
        about: Mapping[str, str],
        results: Mapping[str, float],
        *,
        failed: bool,
        left_s: float,
    ) -> None:
        """A cell is stored: its labels beside its names, and its results by their names."""
        with self._changing() as now:
            now.done += 1
            now.failed += failed
            now.ends_at = time.time() + left_s
            now.cell = now.window = now.server = None
            now.results[cell] = (about, results)
            self.changed_s = time.monotonic()
