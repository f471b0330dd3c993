"""The stages of one variant on one benchmark; `runner` defines their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.base.errors import LaunchError
from harness.measure.campaign.bench import Bench
from harness.measure.cell import capacity_search, warming
from harness.measure.cell.capacity_search import Expected, SearchOrder
from harness.measure.cell.inside import InsidePending
from harness.measure.cell.payloads import Payloads
from harness.measure.launch import readiness
from harness.measure.launch.launchers import Launched, Launcher, LaunchOrder, Provided
from harness.measure.load.drivers import Driver, Firing
from harness.measure.load.fired_window import window_of
from harness.measure.load.generator.job import Fired, Job, whole
from harness.measure.load.generator.pool import requests_of
from harness.measure.talk import approximate, talk
from harness.measure.talk import ask as asking
from harness.measure.talk.answers import not_right
from harness.measure.talk.target import target_of, url_of
from harness.measure.watch import gpu, own_figures
from harness.measure.watch.watching import Meter, measuring
from harness.protocols import tensors
from harness.setup import launching
from harness.setup.catalog import Variant
from harness.stored import plan
from harness.stored.accuracy import Accuracy
from harness.stored.container import ImageFacts
from harness.stored.lifecycle import Installed, WarmUp
from harness.stored.records import Search, Startup, Stop, Window
from harness.windows import audit as auditing
from harness.windows.profiles import CLOSED, Profile, due_times, seed_of
from harness.windows.samples import Ints, Requests

_SAMPLE_S = 0.5
_KEEP_EVERY = 10  # of the answers under load, one in so many is checked
_PREOPENED = 16


class Stages:
    """The real stages of a cell."""

    verify_limit_s = 60.0  # a slow server is checked as far as that goes, and the report says so

    def __init__(
        self,
        variant: Variant,
        bench: Bench,
        provided: Provided,
        launcher: Launcher,
        generator: Driver,
        cpus: tuple[int, ...],
        device: str,
        round_number: int,
        scratch: Path,
    ) -> None:
        self.variant = variant
        self.bench = bench
        self._provided = provided
        self._launcher = launcher
        self._generator = generator
        self._cpus = cpus
        self._device = device
        self._gpu = gpu.reader() if device == "gpu" else dict
        self._round = round_number
        self.scratch = scratch
        self._told: str | None = None  # its version, where it says that itself
        self.talk = talk.usual(variant, bench)  # how it is asked, and judged
        self._payloads = Payloads(bench)
        self.accuracy: Accuracy | None = None  # of approximate answers, when they are verified

    @property
    def version(self) -> str | None:
        """The framework's version, told by itself or read back from what it runs on."""
        table = self.variant.server.table
        return self._told if table.version_path else self._provided.version_of(table.package)

    @property
    def image(self) -> ImageFacts | None:
        """The image of its container, if it has one."""
        return self._provided.facts

    @property
    def installed(self) -> Installed | None:
        """Its environment, where it has one of its own."""
        return self._provided.installed

    def launch(
        self, ports: Mapping[str, int] | None = None, scratch: Path | None = None
    ) -> Launched:
        """Start the variant; once more at the same ports, with a folder of its own."""
        again = replace(self.order(), ports=ports, scratch=scratch or self.scratch)
        return self._launcher.launch(again)

    def order(self) -> LaunchOrder:
        """All that a launcher needs to know to start the variant."""
        return LaunchOrder(
            variant=self.variant,
            provided=self._provided,
            benchmark=self.bench.benchmark,
            artefact=self.bench.artefact,
            threads=self.variant.table.threads or self.bench.benchmark.table.threads,
            device=self._device,
            cpus=self._cpus,
            signature=self._signature(),
            scratch=self.scratch,
        )

    def ready(self, launched: Launched) -> Startup | None:
        """Wait until it is ready and has answered one request rightly.

        How long that took says nothing of an endpoint that was already up: None.
        """
        table = self.variant.table
        if self.variant.endpoint is not None:
            checked = not self._unchecked
            self.talk = talk.met(self.talk, launched, self.bench, checked=checked)
            return None
        get = asking.getter_of(launched, table.ready_port or "")
        ready_s = readiness.until_ready(get, launched, table.ready_path, table.ready_timeout_s)
        if self.variant.image:
            self.talk, _ = talk.learned(self.talk, launched, self.bench)
        judge = None if self._unchecked else self.talk.answers
        with asking.asker(launched, self.talk.protocol, self.talk.path) as ask:
            first_s = readiness.until_right(ask, launched, self.talk.messages[0], judge)
        if path := self.variant.server.table.version_path:
            self._told = readiness.version(get, path)
        return Startup(ready_s, first_s)

    def verify(self, launched: Launched) -> int:
        """Ask the payloads one by one and compare every answer; how many were compared.

        Raises AnswerError for a wrong one, and where requests fail.
        """
        payloads = plan.to_verify(len(self.bench.payloads), self._round, self.bench.verify_share)
        fired = self._ask(launched, payloads)
        requests, _, complaints = self._judge(fired)
        if not requests.ok.all():
            raise not_right(requests, complaints)
        self.accuracy = approximate.counted(self.talk.answers, self.bench, requests, fired.bodies)
        return 0 if self._unchecked else len(requests)

    def collect(self, launched: Launched) -> list[bytes]:
        """The answer to each payload, in order; fewer where some request failed."""
        fired = self._ask(launched, plan.to_verify(len(self.bench.payloads), 1))
        return [fired.bodies[row] for row in sorted(fired.bodies)]

    def warm_up(self, launched: Launched, profile: Profile) -> WarmUp | None:
        """Load it with slices of the profile that comes next until it is steady; keep no request.

        With the profile that is measured next: a batching server remembers the load before.
        """
        if not self.bench.warm_up_s:
            return None

        def fire(short: Profile, number: int) -> Requests:
            due = due_times(short, number) if short.is_open else None
            order = self._payloads.order(short, 4096 if due is None else len(due), number)
            job = self._job(launched, short, order, due)
            return self._payloads.sent(requests_of(whole(self._fire(launched, job).result())))

        return warming.warm_up(fire, profile, self.bench.warm_up_s)

    def load(
        self,
        launched: Launched,
        profile: Profile,
        meanwhile: Callable[[Firing], None] | None = None,
        also_due: Ints | None = None,
        *,
        resends: bool = True,
        judge_every: int = _KEEP_EVERY,
    ) -> Window:
        """Fire one profile, and what else is due then, and keep everything."""
        benchmark = self.bench.benchmark
        seed = seed_of(benchmark.name, benchmark.table.version, profile.name, self._round)
        due = due_times(profile, seed) if profile.is_open else None
        if due is not None and also_due is not None:
            due = np.sort(np.concatenate((due, also_due)))
        order = self._payloads.order(profile, 1 << 16 if due is None else len(due), seed)
        job = self._job(launched, profile, order, due)
        job = replace(job, resends=resends, keep_every=0 if self._unchecked else judge_every)
        return self._window(launched, profile, job, meanwhile)

    @property
    def audits(self) -> bool:
        """Whether it is to be audited: not the references, and not without unseen payloads."""
        wanted = bool(self.bench.audit_s and self.bench.unseen)
        return wanted and not (self._unchecked or self.variant.table.fires)

    def audit(self, launched: Launched) -> Window:
        """Ask what it has never seen, the same again, and what it knows; every answer is judged."""
        order = auditing.schedule(self.bench.payloads, self.bench.unseen, self._round)
        profile = Profile(auditing.NAME, CLOSED, self.bench.audit_s, concurrency=1)
        job = replace(self._job(launched, profile, order, None), limit=len(order), keep_every=1)
        return self._window(launched, profile, job)

    def _window(
        self,
        launched: Launched,
        profile: Profile,
        job: Job,
        meanwhile: Callable[[Firing], None] | None = None,
    ) -> Window:
        here = launching.of(self.variant.launcher).here
        with (
            own_figures.watched(launched, self.variant, self.bench.scrape_every_s) as counted,
            measuring(launched, self._gpu, self._cpus, here=here) as meter,
        ):
            pending = self._fire(launched, job, meter, meanwhile)
        fired = pending.result()
        requests, checked, complaints = self._judge(fired)
        self._payloads.sent(requests)
        cpus = 0 if self.variant.table.fires else len(self._generator.cpus)
        start_ns, recorded = pending.start_ns, launched.calls()
        calls = recorded.between(start_ns, start_ns + int(fired.elapsed_s * 1e9))
        facts = meter.facts(profile, job.timeout_ns, fired, cpus, recorded.clock)
        facts = replace(counted.told(facts), checked=checked, wrong=len(complaints))
        return window_of(fired, facts, requests, meter.usage(start_ns), calls)

    def search(
        self, launched: Launched, order: SearchOrder, rate_per_s: float | None, expected: Expected
    ) -> tuple[Search, tuple[Window, ...]]:
        """Probe for the highest rate that meets the SLO; `rate_per_s` is what a closed loop got."""
        with asking.asker(launched, self.talk.protocol, self.talk.path) as ask:
            idle = partial(capacity_search.wait_until_idle, ask, self.talk.messages[0], order.slo)
            load = partial(self.load, launched)
            return capacity_search.find(order, rate_per_s, load, idle, expected)

    def asker(self, launched: Launched) -> AbstractContextManager[Callable[[float], bool]]:
        """Asks one payload with a time-out, and says whether it was answered rightly."""
        ask = asking.asker(launched, self.talk.protocol, self.talk.path)
        answers = None if self._unchecked else self.talk.answers
        return readiness.rightly(ask, self.talk.messages[0], answers)

    def stop(self, launched: Launched) -> Stop | None:
        """End it."""
        return launched.stop()

    def _ask(self, launched: Launched, payloads: Ints) -> Fired:
        # One caller: a batching server would remember more, and time the next window by it.
        alone = Profile("verify", "closed", self.verify_limit_s, concurrency=1)
        job = replace(self._job(launched, alone, payloads, None), limit=len(payloads), keep_every=1)
        return whole(self._fire(launched, job).result())

    @property
    def _unchecked(self) -> bool:
        return self.variant.table.reference or not self.bench.expected

    def _signature(self) -> dict[str, Any]:
        if not self.bench.expected:  # it is the reference, which needs none
            return {}
        return tensors.signature(self.bench.payloads[0], self.bench.expected[0])

    def _job(self, launched: Launched, profile: Profile, order: Ints, due: Ints | None) -> Job:
        return Job(
            target=target_of(launched, self.talk.protocol, self.talk.path, self.talk.messages),
            start_ns=0,
            duration_ns=int(profile.duration_s * 1e9),
            payload=order,
            due_ns=due,
            concurrency=profile.concurrency or _PREOPENED,
            limit=None,
            timeout_ns=int(self.bench.benchmark.table.timeout_s * 1e9),
            keep_every=0,
            think_ns=profile.think_ns,
        )

    def _fire(
        self,
        launched: Launched,
        job: Job,
        meter: Meter | None = None,
        meanwhile: Callable[[Firing], None] | None = None,
    ) -> Firing:
        inside = partial(InsidePending, url_of(launched), job, self.scratch)
        pending: Firing = inside() if self.variant.table.fires else self._generator.start(job)
        if meanwhile is not None:
            meanwhile(pending)
        while not pending.wait(_SAMPLE_S):
            if meter is not None:
                meter.sample()
            if self.variant.table.fires and launched.exited():
                raise LaunchError(f"{self.variant.name}: {launched.exited()} under load.")
        return pending

    def _judge(self, fired: Fired) -> tuple[Requests, int, list[str]]:
        """(requests with wrong answers marked, how many were checked, what was wrong)."""
        if self._unchecked:
            return requests_of(fired), 0, []
        return self.talk.answers.judged(requests_of(fired), fired.bodies, fired.marks)
