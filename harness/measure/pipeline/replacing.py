"""Train and serve under load: each run of the pipeline replaces the running service, or leaves it.

All of it is on the server's CPUs but the generator: training and the predictor that says what is
right as well, so that what they cost the requests meanwhile is seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.base.errors import HarnessError
from harness.measure.campaign import interruption
from harness.measure.load.generator.job import Target
from harness.measure.pipeline import batch, front, under_load
from harness.measure.pipeline.batch import BatchOrder
from harness.measure.pipeline.front import Front, FrontGone, FrontOrder
from harness.measure.pipeline.serving import Service, ServiceOrder, bring_up
from harness.measure.pipeline.stopwatch import Stopwatch
from harness.measure.pipeline.under_load import Interrupted, Load
from harness.measure.talk.target import target, target_of
from harness.stored.handovers import DRAIN, STOP, TRAIN, TURN, Handovers, PipelineRun
from harness.windows.profiles import Profile, seed_of

_ACCEPT = (("Accept", "application/json"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineOrder:
    """The service, its training, and the schedule."""

    service: ServiceOrder
    batch: BatchOrder
    rate_per_s: float
    every_s: float
    duration_s: float

    @property
    def profile(self) -> Profile:
        """The load."""
        return Profile("pipeline", "poisson", self.duration_s, rate_per_s=self.rate_per_s)

    @property
    def route(self) -> str:
        """The clients' route, as Bodywork has it: the name of the project, the version of its
        interface, and its action."""
        return f"/{self.service.benchmark.name}/v1/score"


class Pipeline:
    """A pipeline that is being measured."""

    def __init__(self, order: PipelineOrder, note: Callable[[str], object]) -> None:
        self._order = order
        self._note = note
        self._scratch = order.service.tools.scratch
        self._expected: dict[int, tuple[Any, ...]] = {}
        self._running: list[Service] = []  # the one that serves comes first
        self._front: Front | None = None
        self._load: Load | None = None
        self.found = Handovers(
            benchmark=order.service.benchmark.name,
            variant=order.service.variant.name,
            route=order.route,
            front=front.release(),
            every_s=order.every_s,
            runs=(),
        )

    def measure(self) -> None:
        """All of it; what was found is in `found`, also where it raises.

        Where the front ends by itself, so does the load. Raises HarnessError where the first
        version can't be served, KeyboardInterrupt where a signal came.
        """
        with ExitStack() as stack:
            stack.callback(self._end)
            self._begin()
            interrupted = gone = False
            try:
                self._go_on()
            except (Interrupted, KeyboardInterrupt):
                interrupted = True
            except FrontGone:
                gone = True
            self._conclude(cut=interrupted or gone)
            interruption.pass_over()
            cut = self.found.unanswered is not None and self.found.problem is None
            if interrupted or cut:
                raise KeyboardInterrupt

    def _begin(self) -> None:
        """The first version, its front, and the load."""
        order, service = self._order, self._order.service
        self._note("version 1: training, then serving it for the first time")
        run = self._run(1)
        if not run.serves:
            raise HarnessError(f"The first version can't be served: {run.problem}")
        tools, talk = service.tools, service.talk()
        through = target(self._address + order.route, talk.messages, _ACCEPT)
        direct = target_of(self._running[0].launched, talk.protocol, talk.path, talk.messages)
        cost = under_load.cost_of(tools.generator, direct, through, self._timeout_s)
        self._require_front()
        self.found = replace(self.found, cost=cost)
        self._start(through)

    def _start(self, goal: Target) -> None:
        benchmark, profile = self._order.service.benchmark, self._order.profile
        seed = seed_of(benchmark.name, benchmark.table.version, profile.name, 1)
        job = under_load.job_of(goal, profile, self._timeout_s, seed)
        self._load = Load(self._order.service.tools.generator, job, profile, self._require_front)
        self.found = replace(self.found, start_ns=self._load.start_ns)

    def _go_on(self) -> None:
        """Run by run on the schedule, as long as the load goes on. A run that takes longer than the
        time between two has those pass that were due meanwhile; one that could not end before the
        load does is not begun."""
        load, every_ns = self._load, int(self._order.every_s * 1e9)
        assert load is not None
        due_ns = load.start_ns + every_ns
        while due_ns < load.end_ns:
            longest_ns = max(run.ended_ns - run.began_ns for run in self.found.runs)
            if due_ns + longest_ns > load.end_ns:
                self._note("the load ends before another run could: none is begun")
                return
            if load.wait_until(due_ns):
                return
            version = self.found.runs[-1].version + 1
            run = self._run(version)
            said = "serves" if run.serves else "does not serve"
            self._note(f"version {version} {said}{f': {run.problem}' if run.problem else ''}")
            passed = (time.monotonic_ns() - load.start_ns) // every_ns
            due_ns = load.start_ns + (passed + 1) * every_ns

    def _run(self, version: int) -> PipelineRun:
        """Train a version, and have it replace the one that serves. Where any of that fails, the
        one that serves goes on. Raises FrontGone."""
        watch, failure, accuracy = Stopwatch(), None, None
        before = self._running[0].version if self._running else None
        end_ns = self._load.end_ns if self._load else None
        folder = self._scratch / f"v{version}"
        try:
            with watch.stage(TRAIN) as problems:
                made = batch.train(self._order.batch, version, folder / "b", problems, end_ns)
            accuracy = made.facts.get("accuracy")
            self._replace(version, made.folder, folder, watch)
        except FrontGone as error:
            failure = str(error)
            raise
        except HarnessError as error:
            failure = str(error)
        finally:
            serves = bool(self._running) and self._running[0].version == version
            run = PipelineRun(
                version=version,
                stages=tuple(watch.stages),
                serves=serves,
                accuracy=accuracy if isinstance(accuracy, float) else None,
                problem=failure if failure or serves else "It was interrupted.",
                replaced=before if serves else None,
            )
            self.found = replace(self.found, runs=(*self.found.runs, run))
        return run

    def _replace(self, version: int, artefact: Path, folder: Path, watch: Stopwatch) -> None:
        """Start, verify, turn, drain, stop. Raises HarnessError."""
        made, expected = bring_up(self._order.service, version, artefact, folder, watch)
        self._running.append(made)
        self._expected[version] = expected
        if self._front is None:
            self._front = self._new_front(made.port)
            return
        try:
            with watch.stage(TURN):
                self._front.turn(made.port)
        except HarnessError:
            self._stop(made)
            raise
        self._running.insert(0, self._running.pop())
        with watch.stage(DRAIN):
            self._front.drain()
        with watch.stage(STOP):
            for old in self._running[1:]:
                self._stop(old)

    def _stop(self, service: Service) -> None:
        service.stop()
        self._running.remove(service)

    def _conclude(self, *, cut: bool) -> None:
        """Wait for the end of the load, and judge its answers."""
        assert self._load is not None
        fired, window = self._load.end(cut=cut)
        service = self._order.service
        judges = [service.talk(known).answers for known in self._expected.values()]
        window, right = under_load.judged(fired, window, judges)
        self.found = replace(
            self.found,
            window=window,
            right=right,
            versions=tuple(self._expected),
            unanswered=fired.unanswered if fired.cut_s is not None else None,
            problem=self._front_problem(),
        )

    def _new_front(self, port: int) -> Front:
        service = self._order.service
        order = FrontOrder(
            folder=self._scratch / "front",
            cpus=service.tools.server_cpus,
            route=self._order.route,
            path=service.talk().path,
            timeout_s=self._timeout_s,
        )
        return Front(order, port)

    def _end(self) -> None:
        """End all that runs."""
        with ExitStack() as stack:
            for service in self._running:
                stack.callback(service.stop)
            if self._front is not None:
                stack.callback(self._front.stop)

    def _require_front(self) -> None:
        assert self._front is not None
        self._front.require_alive()

    def _front_problem(self) -> str | None:
        try:
            self._require_front()
        except FrontGone as error:
            return f"{error}. The load was ended; what was measured before is kept."
        return None

    @property
    def _address(self) -> str:
        assert self._front is not None
        return self._front.url

    @property
    def _timeout_s(self) -> float:
        return self._order.service.benchmark.table.timeout_s
