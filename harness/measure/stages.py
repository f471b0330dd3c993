"""What is done to one variant on one benchmark, stage by stage; `runner` has the order."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness import audit as auditing
from harness import plan
from harness.catalog import Variant
from harness.errors import AnswerError, LaunchError
from harness.measure import ask as asking
from harness.measure import gpu, own_figures, probe, prober, warming
from harness.measure.answers import Answers
from harness.measure.bench import Bench
from harness.measure.driver.job import Fired, Job, Target
from harness.measure.driver.native import requests_of
from harness.measure.drivers import Driver, Firing
from harness.measure.inside import InsidePending
from harness.measure.launchers import Launched, Launcher, LaunchOrder, Provided
from harness.measure.prober import Order
from harness.measure.target import rpc_target, target
from harness.measure.watching import Meter, measuring, read_calls
from harness.profiles import CLOSED, Profile, due_times, payload_order, seed_of
from harness.protocols import registered, tensors
from harness.records import ImageFacts, Search, Startup, Stop, WarmUp, Window, WindowFacts
from harness.samples import ERRORS, Ints, Requests

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
        self._scratch = scratch
        self._protocol = protocol = registered()[variant.table.protocol]
        self._path = variant.table.path or protocol.path
        # What the reference is asked while it makes the right answers is one by one.
        together = bench.benchmark.together if bench.expected else 1
        twice = [*bench.payloads, *bench.payloads * together]
        self._messages = [
            protocol.encode(twice[place : place + together]) for place in range(len(bench.payloads))
        ]
        self._messages += [protocol.encode([payload]) for payload in bench.unseen]
        expected = [*bench.expected, *bench.unseen_expected]
        tolerance = bench.benchmark.table.tolerance
        self._answers = Answers(expected, tolerance, protocol, together)

    @property
    def version(self) -> str | None:
        """The framework's version, read back from what it runs on."""
        return self._provided.version_of(self.variant.server.table.package)

    @property
    def image(self) -> ImageFacts | None:
        """What its container is made from, where it is one."""
        return self._provided.facts

    def launch(self) -> Launched:
        """Start the variant."""
        return self._launcher.launch(self.order())

    def order(self) -> LaunchOrder:
        """All that a launcher needs to know to start the variant."""
        return LaunchOrder(
            self.variant,
            self._provided,
            self.bench.benchmark,
            self.bench.artefact,
            self.bench.benchmark.table.threads,
            self._device,
            self._cpus,
            self._signature(),
            self._scratch,
        )

    def ready(self, launched: Launched) -> Startup | None:
        """Wait until it is ready and has answered one request rightly.

        How long that took says nothing of an endpoint that was already up: None.
        """
        table = self.variant.table
        judge = None if self._unchecked else self._answers
        if self.variant.endpoint is not None:
            with asking.asker(launched, self._protocol, self._path) as ask:
                probe.until_right(ask, launched, self._messages[0], judge)
            return None
        port = launched.ports[table.ready_port] if table.ready_port else None
        with asking.client(launched, port) as client:
            ready_s = probe.until_ready(client, launched, table.ready_path, table.ready_timeout_s)
        with asking.asker(launched, self._protocol, self._path) as ask:
            first_s = probe.until_right(ask, launched, self._messages[0], judge)
        return Startup(ready_s, first_s)

    def verify(self, launched: Launched) -> int:
        """Ask the payloads one by one and compare every answer; how many were compared.

        Raises AnswerError for a wrong one, and where requests fail.
        """
        share = self.bench.verify_share
        payloads = plan.to_verify(len(self.bench.payloads), self._round, share)
        requests, _, complaints = self._judge(self._ask(launched, payloads))
        if not requests.ok.all():
            kinds = {ERRORS[code] for code in requests.error[~requests.ok]}
            refused = requests.status[requests.error == ERRORS.index("status")]
            status = ", ".join(map(str, np.unique(refused).tolist()))
            shown = f" (HTTP {status})" if status else ""
            raise AnswerError(
                f"{(~requests.ok).sum()} of {len(requests)} answers are not the reference's: "
                f"{', '.join(sorted(kinds))}{shown}. {'; '.join(complaints[:3])}"
            )
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
            count = 4096 if due is None else len(due)
            order = payload_order(len(self.bench.payloads), count, number)
            job = self._job(launched, short, order, due)
            return requests_of(self._fire(launched, job).result())

        return warming.warm_up(fire, profile, self.bench.warm_up_s)

    def load(self, launched: Launched, profile: Profile) -> Window:
        """Fire one profile and keep everything."""
        benchmark = self.bench.benchmark
        seed = seed_of(benchmark.name, benchmark.table.version, profile.name, self._round)
        due = due_times(profile, seed) if profile.is_open else None
        count = 1 << 16 if due is None else len(due)
        order = payload_order(len(self.bench.payloads), count, seed)
        job = self._job(launched, profile, order, due)
        if not self._unchecked:
            job = replace(job, keep_every=_KEEP_EVERY)
        return self._window(launched, profile, job)

    @property
    def audits(self) -> bool:
        """Whether it is to be audited: not the references, and not without unseen payloads."""
        wanted = bool(self.bench.audit_s and self.bench.unseen)
        return wanted and not (self._unchecked or self.variant.table.inside)

    def audit(self, launched: Launched) -> Window:
        """Ask what it has never seen, the same again, and what it knows; every answer is judged."""
        order = auditing.schedule(self.bench.payloads, self.bench.unseen, self._round)
        profile = Profile(auditing.NAME, CLOSED, self.bench.audit_s, concurrency=1)
        job = self._job(launched, profile, order, None)
        return self._window(launched, profile, replace(job, limit=len(order), keep_every=1))

    def _window(self, launched: Launched, profile: Profile, job: Job) -> Window:
        with (
            own_figures.counting(launched, self.variant.server.table) as counted,
            measuring(launched, self._gpu, self._cpus) as meter,
        ):
            pending = self._fire(launched, job, meter)
        fired = pending.result()
        requests, checked, complaints = self._judge(fired)
        cpus = len(fired.workers) or len(self._generator.cpus)
        facts = WindowFacts(
            profile,
            fired.elapsed_s,
            0.0 if self.variant.table.inside else fired.cpu_s,
            0 if self.variant.table.inside else cpus,
            meter.steal_share,
            checked,
            len(complaints),
            workers=fired.workers,
            cpu_energy_j=meter.cpu_energy_j,
            cpu_energy_s=meter.cpu_energy_s,
            host=meter.host,
            own=counted.figures,
        )
        end_ns = pending.start_ns + int(fired.elapsed_s * 1e9)
        calls = read_calls(launched.trace, pending.start_ns, end_ns)
        return Window(facts, requests, meter.usage(pending.start_ns), calls)

    def search(
        self, launched: Launched, order: Order, throughput_per_s: float | None
    ) -> tuple[Search, tuple[Window, ...]]:
        """Probe for the highest rate that holds the SLO."""
        with asking.asker(launched, self._protocol, self._path) as ask:
            return prober.find(
                order,
                throughput_per_s,
                partial(self.load, launched),
                partial(prober.wait_until_idle, ask, self._messages[0], order.slo),
            )

    def stop(self, launched: Launched) -> Stop | None:
        """End it."""
        return launched.stop()

    def _ask(self, launched: Launched, payloads: Ints) -> Fired:
        # One caller: a batching server would remember more, and time the next window by it.
        alone = Profile("verify", "closed", self.verify_limit_s, concurrency=1)
        job = self._job(launched, alone, payloads, None)
        return self._fire(launched, replace(job, limit=len(payloads), keep_every=1)).result()

    @property
    def _unchecked(self) -> bool:
        return self.variant.table.reference or not self.bench.expected

    def _signature(self) -> dict[str, Any]:
        if not self.bench.expected:  # it is the reference, which needs none
            return {}
        return tensors.signature(self.bench.payloads[0], self.bench.expected[0])

    def _job(self, launched: Launched, profile: Profile, order: Ints, due: Ints | None) -> Job:
        think_s = profile.think_s
        return Job(
            self._target(launched),
            0,
            int(profile.duration_s * 1e9),
            order,
            due,
            profile.concurrency or _PREOPENED,
            None,
            int(self.bench.benchmark.table.timeout_s * 1e9),
            0,
            think_ns=None if think_s is None else int(think_s * 1e9),
        )

    def _target(self, launched: Launched) -> Target:
        url = asking.url_of(launched)
        if self._protocol.rpc:
            return rpc_target(url, self._messages, launched.headers, self._protocol.method)
        headers = {"Accept": "application/json", **launched.headers}
        return target(url + self._path, self._messages, headers)

    def _fire(self, launched: Launched, job: Job, meter: Meter | None = None) -> Firing:
        pending: Firing
        if self.variant.table.inside:
            pending = InsidePending(asking.url_of(launched), job, self._scratch)
        else:
            pending = self._generator.start(job)
        while not pending.wait(_SAMPLE_S):
            if meter is not None:
                meter.sample()
            if self.variant.table.inside and launched.exited():
                raise LaunchError(f"{self.variant.name}: {launched.exited()} under load.")
        return pending

    def _judge(self, fired: Fired) -> tuple[Requests, int, list[str]]:
        """(requests with wrong answers marked, how many were checked, what was wrong)."""
        requests = requests_of(fired)
        if self._unchecked:
            return requests, 0, []
        return self._answers.judge_all(requests, fired.bodies)
