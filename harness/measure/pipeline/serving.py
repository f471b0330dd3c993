"""The service stage: one version of a server, started beside the one that serves, and verified."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.base.errors import AnswerError, HarnessError
from harness.measure.campaign import expectations, reference, starting
from harness.measure.campaign.bench import Bench
from harness.measure.campaign.tools import Tools
from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launched
from harness.measure.pipeline.stopwatch import Stopwatch
from harness.measure.talk import ask as asking
from harness.measure.talk import talk
from harness.measure.talk.ask import Unanswered
from harness.measure.talk.talk import Talk
from harness.setup.catalog import Benchmark, Variant
from harness.stored.handovers import REFERENCE, START, VERIFY


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A server of one version that answers rightly."""

    version: int
    stages: Stages
    launched: Launched

    @property
    def port(self) -> int:
        return self.launched.port

    def stop(self) -> None:
        """End it. Raises LaunchError."""
        self.stages.stop(self.launched)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOrder:
    """A server and its benchmark."""

    variant: Variant
    predictor: Variant  # that says what is right
    benchmark: Benchmark
    tools: Tools

    def bench(self, artefact: Path, expected: tuple[Any, ...] = ()) -> Bench:
        """The facts of one version that the stages need."""
        return Bench(
            benchmark=self.benchmark,
            artefact=artefact,
            payloads=tuple(self.benchmark.payloads()),
            expected=expected,
            warm_up_s=0,
            verify_share=1.0,
        )

    def talk(self, expected: tuple[Any, ...] = ()) -> Talk:
        """How the server is asked, and judged by those answers."""
        return talk.usual(self.variant, self.bench(self.tools.scratch, expected))


def answers(order: ServiceOrder, artefact: Path, folder: Path) -> tuple[Any, ...]:
    """The predictor's own answer to each payload with that artefact. Raises HarnessError."""
    folder.mkdir()
    bench = order.bench(artefact)
    stages = reference.stages_of(order.predictor, bench, order.tools, 1, folder)
    bodies: list[bytes] = starting.started(stages, stages.collect)
    name = str(order.benchmark.predictor(order.predictor.table.backend))
    found = expectations.of(bodies, order.predictor.spoken(), name)
    if len(found) != len(bench.payloads):
        raise AnswerError(f"The reference answered {len(found)} of {len(bench.payloads)} payloads.")
    return tuple(found)


def bring_up(
    order: ServiceOrder, version: int, artefact: Path, folder: Path, watch: Stopwatch
) -> tuple[Service, tuple[Any, ...]]:
    """(the server, ready, each of its answers right; the right answers). Where that fails, nothing
    of it is left; raises HarnessError."""
    with watch.stage(REFERENCE):
        expected = answers(order, artefact, folder / "r")
    (folder / "s").mkdir()
    bench = order.bench(artefact, expected)
    stages = reference.stages_of(order.variant, bench, order.tools, 1, folder / "s")
    launched: Launched | None = None
    try:
        with watch.stage(START):
            launched = stages.launch()
            stages.ready(launched)
        with watch.stage(VERIFY):
            verify(order.talk(expected), launched, order.benchmark.table.timeout_s)
    except BaseException as error:
        if launched is None:
            raise
        try:
            if isinstance(error, HarnessError):
                raise starting.with_last_words(error, stages, launched) from error
            raise
        finally:
            stages.stop(launched)
    return Service(version=version, stages=stages, launched=launched), expected


def verify(talks: Talk, launched: Launched, timeout_s: float) -> None:
    """Ask each payload, one after the other and not by the generator, which is busy. Raises
    AnswerError for the first answer that is not right."""
    with asking.asker(launched, talks.protocol, talks.path) as ask:
        for number, message in enumerate(talks.messages):
            try:
                reply = ask(message, timeout_s)
            except Unanswered as error:
                raise AnswerError(f"Payload {number} was not answered: {error}.") from error
            said = "" if reply.is_success else reply.words
            said = said or talks.answers.judge(number, reply.body)[1]
            if said:
                raise AnswerError(f"Its answer to payload {number} is not right: {said}.")
