"""A server's metrics endpoint, asked once or again and again while a window runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from harness.measure.launch.launchers import Launched
from harness.measure.talk import ask as asking
from harness.measure.talk.ask import Unanswered
from harness.setup.tables import ServerTable
from harness.windows.own_figures import Scrapes

TIMEOUT_S = 10.0  # as Prometheus waits, unless it is told otherwise
MOST_BYTES = 16 << 20  # Ray's page has half a megabyte


class Unscraped(Exception):
    """Why there was no page of metrics."""


class MetricsPage:
    """The endpoint that a server.toml names."""

    def __init__(self, launched: Launched, server: ServerTable) -> None:
        self.path = server.metrics_path or "/"
        port = launched.ports.get(server.metrics_port) if server.metrics_port else None
        self._get = asking.getter(launched, port, TIMEOUT_S)

    def read(self) -> bytes:
        """The page. Raises Unscraped."""
        try:
            reply = self._get(self.path)
        except (Unanswered, ValueError) as error:
            raise Unscraped(str(error)) from error
        if not reply.is_success:
            raise Unscraped(reply.words)
        if len(reply.body) > MOST_BYTES:
            size, most = len(reply.body) >> 20, MOST_BYTES >> 20
            raise Unscraped(f"{size} MiB of metrics, where {most} are the most that is read")
        return reply.body


class Scraper:
    """Asks for a page at equal intervals, in a thread."""

    def __init__(self, page: MetricsPage, every_s: float) -> None:
        self._page, self._every_s = page, every_s
        self._ended = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._answered = self._failed = self._bytes = 0
        self._longest_s = 0.0

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """No further one; the one under way is waited for."""
        self._ended.set()
        self._thread.join()

    @property
    def told(self) -> Scrapes:
        """How it went."""
        return Scrapes(
            every_s=self._every_s,
            answered=self._answered,
            failed=self._failed,
            longest_s=self._longest_s,
            bytes=self._bytes,
        )

    def _run(self) -> None:
        due = time.monotonic() + self._every_s / 2  # also a window of one interval has one
        while not self._ended.wait(max(due - time.monotonic(), 0.0)):
            began = time.monotonic()
            try:
                # What it says is not looked at: the harness would share the generator's CPUs.
                self._bytes = len(self._page.read())
                self._answered += 1
                self._longest_s = max(self._longest_s, time.monotonic() - began)
            except Unscraped:
                self._failed += 1
            due = max(due + self._every_s, began)


@contextmanager
def scraping(page: MetricsPage, every_s: float) -> Iterator[Scraper | None]:
    """Ask for it again and again for as long as the context lasts; 0 seconds: never."""
    if not every_s:
        yield None
        return
    scraper = Scraper(page, every_s)
    scraper.start()
    try:
        yield scraper
    finally:
        scraper.end()
