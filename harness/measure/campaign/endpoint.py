"""A URL that is loaded by itself: no lifecycle, no verification."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.base.trust import SYSTEM, Trust
from harness.measure.campaign import interruption
from harness.measure.campaign.interruption import Cut
from harness.measure.load.drivers import Driver
from harness.measure.load.fired_window import window_of
from harness.measure.load.generator.job import MAX_ANSWER_BYTES, Job
from harness.measure.load.generator.pool import requests_of
from harness.measure.talk.ask import Reply, over_http
from harness.measure.talk.target import target
from harness.measure.watch.moment import Watcher
from harness.protocols import Message
from harness.setup.endpoints import Headers
from harness.stored.records import Window, WindowFacts
from harness.windows.causes import without_secrets
from harness.windows.profiles import Profile, due_times, payload_order
from harness.windows.samples import Calls, Usage, empty

_PREOPENED = 16
_SAMPLE_S = 0.5
_ROUND = 1 << 16  # of several messages, whose number of requests is not known beforehand


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEndpoint:
    """A URL and its requests: one message, or several in seeded permutations."""

    url: str
    messages: tuple[Message, ...]
    headers: Headers
    timeout_s: float
    method: str  # of messages that have none of their own
    trust: Trust = SYSTEM
    max_answer_bytes: int = MAX_ANSWER_BYTES

    def load(self, driver: Driver, profile: Profile, seed: int) -> Window:
        """Fire one profile and keep everything. Raises UsageError for an invalid URL, and Cut
        with what was measured where a signal comes meanwhile."""
        job = self._job(profile, seed)
        driver.make_ready()  # before the host is watched: imports are the driver's own load
        watcher = Watcher(driver.cpus)
        pending = driver.start(job)  # until it returns, nothing is lost that was measured
        with interruption.noted() as interrupted:
            while not pending.wait(_SAMPLE_S):
                watcher.sample()
                if interrupted():
                    driver.cut()
            fired = pending.result()
        steal, seen = watcher.end()
        facts = WindowFacts(
            profile=replace(profile, duration_s=fired.cut_s or profile.duration_s),
            elapsed_s=fired.elapsed_s,
            generator_cpu_s=fired.cpu_s,
            wire=fired.wire,
            generator_cpus=len(fired.workers) or len(driver.cpus),
            steal_share=steal,
            checked=0,
            wrong=0,
            workers=fired.workers,
            host=seen,
            addresses=fired.addresses,
            causes=without_secrets(fired.causes, (value for _, value in self.headers)),
            timeout_s=self.timeout_s,
        )
        requests = requests_of(fired)
        window = window_of(fired, facts, requests, usage=empty(Usage), calls=empty(Calls))
        if interrupted():
            raise Cut(window, fired.unanswered)
        return window

    def _job(self, profile: Profile, seed: int) -> Job:
        goal = target(self.url, self.messages, self.headers, self.method, self.trust)
        due = due_times(profile, seed) if profile.is_open else None
        count = self._round() if due is None else len(due)
        return Job(
            target=goal,
            start_ns=0,
            duration_ns=int(profile.duration_s * 1e9),
            payload=payload_order(len(self.messages), count, seed),
            due_ns=due,
            concurrency=profile.concurrency or _PREOPENED,
            limit=None,
            timeout_ns=int(self.timeout_s * 1e9),
            keep_every=0,
            max_answer_bytes=self.max_answer_bytes,
            think_ns=profile.think_ns,
        )

    def _round(self) -> int:
        """How many requests a closed loop has an order for, before it begins anew."""
        return max(_ROUND, len(self.messages)) if self.messages[1:] else 1

    def ask(self, message: Message, timeout_s: float) -> Reply:
        """Send one request and wait. Raises Unanswered."""
        goal = target(self.url, [message], self.headers, self.method, self.trust)
        return over_http(goal, timeout_s)
