"""A server's own metrics, read at both ends of a window, if it has any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from harness.measure.launch.launchers import Launched
from harness.measure.watch import exposition
from harness.measure.watch.exposition import Growth, NoMetrics
from harness.measure.watch.scraping import MetricsPage, Unscraped, scraping
from harness.setup.catalog import Variant
from harness.setup.server_metrics import CountersTable
from harness.setup.tables import ServerTable
from harness.stored.records import WindowFacts
from harness.windows.own_figures import OwnFigures, Scrapes


class Counted:
    """What is known of a window once it is over."""

    figures: OwnFigures | None = None
    problem: str = ""  # why there are none, of a server that should have some
    scrapes: Scrapes | None = None

    def told(self, facts: WindowFacts) -> WindowFacts:
        """The facts about the window, with these."""
        return replace(facts, own=self.figures, own_problem=self.problem, scrapes=self.scrapes)


@contextmanager
def watched(launched: Launched, variant: Variant, every_s: float) -> Iterator[Counted]:
    """As `counting`, of what a variant starts."""
    with counting(launched, variant.server.table, every_s, variant.table.replicas) as counted:
        yield counted


@contextmanager
def counting(
    launched: Launched, server: ServerTable, every_s: float = 0.0, servers: int = 1
) -> Iterator[Counted]:
    """Read a server's metrics before and after, and meanwhile at that interval.

    Where several servers answer at one address, nobody knows which of them is asked.
    """
    counted, counters = Counted(), server.counters
    if server.metrics_path is None:
        yield counted
        return
    page = MetricsPage(launched, server)
    if servers > 1:
        counters = None
        counted.problem = f"{servers} servers answer at its address, each with metrics of its own"
    before = _read(page, counters, counted)
    with scraping(page, every_s) as scraper:
        yield counted
    if scraper is not None:
        counted.scrapes = scraper.told
    if counters is not None and before is not None:
        after = _read(page, counters, counted)
        if after is not None:
            _compare(counters, before, after, counted)


def _read(page: MetricsPage, counters: CountersTable | None, counted: Counted) -> Growth | None:
    if counters is None:
        return None
    try:
        text = page.read().decode(errors="replace")
        return exposition.series(text, counters.names)
    except (Unscraped, NoMetrics) as error:
        counted.problem = f"its metrics at {page.path}: {error}"
        return None


def _compare(counters: CountersTable, before: Growth, after: Growth, counted: Counted) -> None:
    """The differences. What is not there yet counts from 0."""
    growth = exposition.grown(before, after)
    requests = exposition.total(growth, counters.requests)
    if requests is None:
        counted.problem = f"none of its metrics is {counters.requests}"
        return
    if not requests:
        counted.problem = f"its metric {counters.requests} did not grow"
        return
    queue, model = (
        None if total is None else total * counters.unit_s
        for total in (exposition.total(growth, name) for name in (counters.queue, counters.model))
    )
    counted.figures = OwnFigures(
        requests=requests,
        queue_s=queue,
        model_s=model,
        latency=exposition.latency(growth, counters, requests),
        lag_s=counters.lag_s,
    )
