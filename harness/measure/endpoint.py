"""A URL that is loaded by itself: no lifecycle, no verification, one request over and over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import numpy as np

from harness.measure.ask import Reply, Unanswered
from harness.measure.driver.job import Job
from harness.measure.driver.native import requests_of
from harness.measure.drivers import Driver
from harness.measure.moment import Watcher
from harness.measure.target import target
from harness.profiles import Profile, due_times
from harness.protocols import Message
from harness.records import Window, WindowFacts
from harness.samples import Calls, Usage, empty

_PREOPENED = 16
_SAMPLE_S = 0.5


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is asked, and where. A body makes it a POST."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    timeout_s: float

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"

    def load(self, driver: Driver, profile: Profile, seed: int) -> Window:
        """Fire one profile and keep everything. Raises UsageError for a URL that is none."""
        goal = target(self.url, [Message(self.body)], self._all_headers(), self.method)
        due = due_times(profile, seed) if profile.is_open else None
        job = Job(
            goal,
            0,
            int(profile.duration_s * 1e9),
            np.zeros(1 if due is None else len(due), np.int64),
            due,
            profile.concurrency or _PREOPENED,
            None,
            int(self.timeout_s * 1e9),
            0,
            think_ns=None if profile.think_s is None else int(profile.think_s * 1e9),
        )
        driver.make_ready()  # what its processes import is no load of the host's own
        watcher = Watcher(driver.cpus)
        pending = driver.start(job)
        while not pending.wait(_SAMPLE_S):
            watcher.sample()
        fired = pending.result()
        steal, seen = watcher.end()
        facts = WindowFacts(
            profile,
            fired.elapsed_s,
            fired.cpu_s,
            len(fired.workers) or len(driver.cpus),
            steal,
            0,
            0,
            workers=fired.workers,
            host=seen,
        )
        return Window(facts, requests_of(fired), empty(Usage), empty(Calls))

    def ask(self, message: Message, timeout_s: float) -> Reply:
        """Send one request and wait. Raises Unanswered."""
        try:
            response = httpx.request(
                self.method,
                self.url,
                content=message.body,
                headers=self._all_headers(),
                timeout=timeout_s,
                trust_env=False,
            )
        except httpx.HTTPError as error:
            raise Unanswered(str(error) or type(error).__name__) from error
        return Reply(response.status_code, response.content, f"HTTP {response.status_code}")

    def _all_headers(self) -> dict[str, str]:
        own = {"Content-Type": "application/json"} if self.body else {}
        return own | dict(self.headers)
