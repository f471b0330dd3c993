"""`--metrics-port`: how a campaign goes on, for Prometheus, told between its windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.base.errors import UsageError
from harness.cli import _say
from harness.stored.identity import NULL, PREDICTOR, Canary, Cell

if TYPE_CHECKING:
    from harness.cli._progress import TimeLeft
    from harness.measure.campaign.campaign import Observer
    from harness.measure.launch.launchers import Launched
    from harness.monitoring.exposition import Exposition
    from harness.monitoring.watched import ScrapedServer, Watched, WindowSeen
    from harness.setup.catalog import Variant
    from harness.stored.records import Campaign, Run, Window

Function = TypeVar("Function", bound=Callable[..., Any])
_LOOPBACK = "127.0.0.1"
_PERCENTILES = {"p50": 0.5, "p99": 0.99}
_OPTIONS = (
    click.option(
        "--metrics-port",
        type=click.IntRange(0, 65535),
        help="Port where Prometheus sees progress and results; 0: a free one.",
    ),
    click.option(
        "--metrics-host",
        default=_LOOPBACK,
        show_default=True,
        help="Address of this machine that --metrics-port listens at.",
    ),
)


def options(command: Function) -> Function:
    """Where a campaign's metrics are had."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@contextmanager
def exposed(options: dict[str, Any]) -> Iterator[Exposition | None]:
    """The address that the options ask for, as long as the context lasts; at its end the last
    results stay until they were fetched. Raises UsageError."""
    port, host = options["metrics_port"], options["metrics_host"]
    if port is None or options["dry_run"]:
        if port is None and host != _LOOPBACK:
            raise UsageError("--metrics-host goes with --metrics-port.")
        yield None
        return
    from harness.analyse.run.for_prometheus import result_metrics
    from harness.monitoring.exposition import Exposition
    from harness.monitoring.watched import Watched

    exposition = Exposition(host, port, Watched(), result_metrics())
    _say.line(f"metrics  {exposition.url}", err=True)
    try:
        yield exposition
        if wait_s := exposition.last_wait_s():
            _say.line(f"metrics  kept until they are scraped, {wait_s:.0f} s at most", err=True)
            exposition.await_scrape()
    finally:
        exposition.close()


def told(observer: Observer, exposition: Exposition | None) -> Observer:
    """The observer; where there is an address, one who tells what is asked for there, too."""
    return observer if exposition is None else Exporting(observer, exposition.watched)


class Exporting:
    """Tells Prometheus what it tells another observer."""

    def __init__(self, inner: Observer, watched: Watched) -> None:
        self._inner = inner
        self._watched = watched
        self._left: TimeLeft | None = None
        self._campaign: Campaign | None = None
        self._beside: dict[tuple[str, int], dict[Canary, Run]] = {}  # by benchmark and round

    def note(self, text: str) -> None:
        self._inner.note(text)

    def begin(self, campaign: Campaign, already: int) -> None:
        from harness.cli._progress import TimeLeft

        self._campaign, self._left = campaign, TimeLeft(campaign, already)
        self._watched.begin(campaign, already, self._left.left_s())
        self._inner.begin(campaign, already)

    def phase(self, cell: Cell, phase: str) -> None:
        self._watched.phase(cell, phase)
        self._inner.phase(cell, phase)

    def onlooker(self, cell: Cell, /) -> _Told:
        """Whoever is told of the cell's windows."""
        return _Told(cell, self._watched)

    def done(self, run: Run) -> None:
        assert self._left is not None
        self._left.done()
        server = run.facts.server
        self._watched.finished(
            run.cell,
            {"framework": server.framework, "track": server.track},
            self._results(run),
            failed=run.facts.failure is not None,
            left_s=self._left.left_s(),
        )
        self._inner.done(run)

    def _results(self, run: Run) -> dict[str, float]:
        from harness.analyse.run import context
        from harness.analyse.run.metrics import METRICS

        assert self._campaign is not None
        cell = run.cell
        beside = self._beside.setdefault((cell.benchmark_name, cell.round), {})
        if role := self._campaign.canaries.role(cell.subject):
            beside[role] = run
        about = context.within(self._campaign, run, beside.get(PREDICTOR), beside.get(NULL))
        found = {}
        for name, metric in METRICS.items():
            # The report says why a number can't be made; a campaign does not end by that.
            with suppress(ArithmeticError, LookupError, TypeError, ValueError):
                if (value := metric.formula(about)) is not None:
                    found[name] = value
        return found


class _Told:
    """Is told of one cell."""

    def __init__(self, cell: Cell, watched: Watched) -> None:
        self._cell = cell
        self._watched = watched

    def launched(self, variant: Variant, launched: Launched) -> None:
        self._watched.launched(_scraped(variant, launched))

    def window(self, window: Window) -> None:
        with suppress(ArithmeticError, LookupError, ValueError):
            self._watched.window(self._cell, window_seen(window))


def _scraped(variant: Variant, launched: Launched) -> ScrapedServer | None:
    from harness.monitoring.watched import ScrapedServer

    table = variant.server.table
    if table.metrics_path is None or variant.endpoint is not None:
        return None
    port = launched.ports.get(table.metrics_port or "", launched.port)
    host = f"[{launched.host}]" if ":" in launched.host else launched.host
    return ScrapedServer(
        address=f"{host}:{port}",
        path=table.metrics_path,
        scheme=launched.scheme,
        framework=table.framework,
    )


def window_seen(window: Window) -> WindowSeen:
    """The figures of a window, by the report's own formulas."""
    from harness.analyse.statistics import stats
    from harness.monitoring.watched import OK, WindowSeen

    requests, facts, usage = window.requests, window.facts, window.usage
    waits_ns = requests.waits_ns() if facts.profile.is_open else requests.services_ns()
    percentile = partial(stats.percentile, waits_ns / 1e9)
    answered = int(requests.ok.sum())
    spent_ns = usage.at_ns[-1] - usage.at_ns[0] if len(usage.at_ns) > 1 else 0
    memory = usage.pss_bytes[usage.pss_bytes > 0]
    return WindowSeen(
        name=facts.profile.name,
        outcomes={OK: answered, **requests.kinds()},
        due_per_s=len(requests) / facts.elapsed_s if facts.profile.is_open else None,
        answered_per_s=requests.throughput(facts.elapsed_s),
        response_s={
            name: seconds
            for name, share in _PERCENTILES.items()
            if (seconds := percentile(share)) is not None
        },
        server_cpus=float(usage.cpu_ns[-1] - usage.cpu_ns[0]) / spent_ns if spent_ns else None,
        server_memory_bytes=float(memory[-1]) if len(memory) else None,
    )
