"""The load on a pipeline's front, and what can be said of its answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.base.errors import HarnessError
from harness.measure.campaign import interruption
from harness.measure.load.drivers import Driver, Firing
from harness.measure.load.fired_window import window_of
from harness.measure.load.generator.job import Fired, Job, Target
from harness.measure.load.generator.pool import requests_of
from harness.measure.talk.answers import GARBAGE, WRONG, Answers
from harness.measure.watch.moment import Watcher
from harness.stored.handovers import FrontCost
from harness.stored.records import Window, WindowFacts
from harness.windows.profiles import Profile, due_times, payload_order, seed_of
from harness.windows.samples import Calls, Usage, empty

_PREOPENED = 16
_SAMPLE_S = 0.2
_ALONE_S = 1.0  # of one caller, for the cost of the front
_ROUND = 1 << 16


class Interrupted(Exception):
    """A signal came; it was noted, and is told no more."""


class Load:
    """A load that goes on for as long as `require` raises nothing."""

    def __init__(
        self, driver: Driver, job: Job, profile: Profile, require: Callable[[], None]
    ) -> None:
        self._require = require
        self._driver = driver
        self._job = job
        self._profile = profile
        driver.make_ready()
        self._watcher = Watcher(driver.cpus)
        self._pending: Firing = driver.start(job)
        self.start_ns = self._pending.start_ns
        self.end_ns = self.start_ns + job.duration_ns

    def wait_until(self, at_ns: int) -> bool:
        """Wait for that moment; whether the load is over before. Raises Interrupted, and what
        `require` raises."""
        with interruption.noted() as interrupted:
            while (left_ns := at_ns - time.monotonic_ns()) > 0:
                if self._pending.wait(min(_SAMPLE_S, left_ns / 1e9)):
                    return True
                self._watcher.sample()
                self._require()
                if interrupted():
                    raise Interrupted
        return False

    def end(self, *, cut: bool) -> tuple[Fired, Window]:
        """Wait until it is over, or end it; also where a signal comes meanwhile, or `require`
        raises."""
        with interruption.noted() as interrupted:
            while not self._pending.wait(_SAMPLE_S):
                self._watcher.sample()
                if cut or interrupted() or not self._holds():
                    self._driver.cut()
        fired = self._pending.result()
        steal, seen = self._watcher.end()
        facts = WindowFacts(
            profile=replace(self._profile, duration_s=fired.cut_s or self._profile.duration_s),
            elapsed_s=fired.elapsed_s,
            generator_cpu_s=fired.cpu_s,
            generator_cpus=len(self._driver.cpus),
            steal_share=steal,
            checked=0,
            wrong=0,
            workers=fired.workers,
            host=seen,
            causes=fired.causes,
            timeout_s=self._job.timeout_ns / 1e9,
            addresses=fired.addresses,
        )
        requests = requests_of(fired)
        return fired, window_of(fired, facts, requests, usage=empty(Usage), calls=empty(Calls))

    def _holds(self) -> bool:
        try:
            self._require()
        except HarnessError:
            return False
        return True


def job_of(target: Target, profile: Profile, timeout_s: float, seed: int) -> Job:
    """All answers are kept: each is asked which version gave it."""
    due = due_times(profile, seed) if profile.is_open else None
    return Job(
        target=target,
        start_ns=0,
        duration_ns=int(profile.duration_s * 1e9),
        payload=payload_order(len(target.messages), _ROUND if due is None else len(due), seed),
        due_ns=due,
        concurrency=profile.concurrency or _PREOPENED,
        limit=None,
        timeout_ns=int(timeout_s * 1e9),
        keep_every=1 if profile.is_open else 0,
    )


def cost_of(driver: Driver, direct: Target, through: Target, timeout_s: float) -> FrontCost:
    """The time that the front adds for one caller. Raises HarnessError."""
    alone = Profile("front", "closed", _ALONE_S, concurrency=1)
    seed = seed_of("front", 1, alone.name, 1)
    taken = [
        requests_of(driver.fire(job_of(target, alone, timeout_s, seed))).services_ns()
        for target in (direct, through)
    ]
    direct_ms, through_ms = (float(np.median(each)) / 1e6 for each in taken)
    return FrontCost(direct_ms=direct_ms, through_ms=through_ms)


def judged(
    fired: Fired, window: Window, judges: Sequence[Answers]
) -> tuple[Window, NDArray[np.bool_]]:
    """(the window, in which an answer that no version gives is wrong; by request and version, which
    could have given its answer)."""
    requests = window.requests
    error = requests.error.copy()
    right = np.zeros((len(requests), len(judges)), np.bool_)
    known: dict[tuple[int, bytes], list[int]] = {}  # servers repeat themselves
    answered = [row for row in fired.bodies if error[row] == 0]
    for row in answered:
        payload, body = int(requests.payload[row]), fired.bodies[row]
        codes = known.get((payload, body))
        if codes is None:
            codes = known[payload, body] = [judge.judge(payload, body)[0] for judge in judges]
        right[row] = [code == 0 for code in codes]
        if not right[row].any():
            error[row] = GARBAGE if GARBAGE in codes else WRONG
    wrong = int((error != requests.error).sum())
    facts = replace(window.facts, checked=len(answered), wrong=wrong)
    return replace(window, facts=facts, requests=replace(requests, error=error)), right
