"""Doubts about a whole run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.analyse.run import pod_time
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule
from harness.analyse.statistics import stats
from harness.base.trust import UNCHECKED
from harness.setup.answering import APPROXIMATE
from harness.setup.endpoints import RECORDED, UNJUDGED
from harness.stored import accuracy
from harness.stored.records import Setup, Window


@run_rule
def not_all_verified(context: RunContext) -> Said:
    facts = context.facts
    checked = not facts.server.reference and facts.server.judged_by != UNJUDGED
    if facts.failure is None and checked and facts.verified < context.to_verify:
        yield (
            Verdict.WARNING,
            f"only {facts.verified} of {context.to_verify} answers could be checked in time before "
            "timing",
        )


@run_rule
def certificate_unchecked(context: RunContext) -> Said:
    if context.facts.server.insecure:
        yield Verdict.WARNING, UNCHECKED


@run_rule
def setup_differs(context: RunContext) -> Said:
    asked = context.facts.server.asked
    if asked is None or context.facts.server.reference:
        return
    known = context.facts.model_threads
    if known and context.facts.server.function is not None:
        # Of an instance that loads while requests wait, threads that take those may be counted too.
        known = (int(np.median(known)),)
    threads = sorted({count for count in known if count != asked.threads})
    if threads:
        yield (
            Verdict.WARNING,
            f"{threads[-1]} threads share a prediction, requested: {asked.threads}",
        )
    for window in context.run.profiles:
        for said in _differences(window, asked, context):
            yield Verdict.WARNING, f"{window.facts.profile.name}: {said}"


def _differences(window: Window, asked: Setup, context: RunContext) -> Iterator[str]:
    calls, server = window.calls, context.facts.server
    if not len(calls.batch):
        return
    workers, batch = len(np.unique(calls.process)), int(calls.batch.max())
    pods = pod_time.replicas(context.facts)
    wanted = pods * asked.workers
    # Of several pods, connections may not meet each; what they get is told of elsewhere.
    idle = window.facts.profile.saturates and workers < wanted and pods == 1
    # Of a function, the service starts as many processes as requests need.
    if server.function is None and (workers > wanted or idle):
        made = f"{workers} process" if workers == 1 else f"{workers} processes"
        yield f"{made} made predictions, requested: {wanted}"
    if batch > asked.max_batch:
        yield f"{batch} instances were in one prediction, requested: at most {asked.max_batch}"
    together = stats.most_at_once(calls.start_ns, calls.duration_ns)
    if server.track == "matched" and together > wanted:
        yield f"{together} predictions ran at once, requested: {wanted}"


@run_rule
def no_batches(context: RunContext) -> Said:
    asked = context.facts.server.asked
    if asked is None or asked.max_batch == 1:
        return
    for window in context.run.profiles:
        batch = window.calls.batch
        if window.facts.profile.saturates and len(batch) and batch.max() == 1:
            yield Verdict.WARNING, "batching is on, but each prediction was of one instance"


@run_rule
def already_up(context: RunContext) -> Said:
    if context.facts.server.way.starts:
        return
    if context.facts.server.is_here:
        more = (
            "and it shares this machine's CPUs with the generator, unless a tunnel leads from its "
            "address to another machine"
        )
    else:
        more = "and the network to it is part of its latency"
    yield (
        Verdict.NOTE,
        f"the endpoint was already running: no start-up, memory or CPU figures, {more}",
    )


@run_rule
def other_host(context: RunContext) -> Said:
    way = context.facts.server.way
    if way.starts and not way.here:
        yield (
            Verdict.NOTE,
            "its server ran on another host: its latency includes the network, and the report "
            "does not describe its CPUs",
        )


@run_rule
def unchecked(context: RunContext) -> Said:
    if context.facts.server.judged_by == UNJUDGED:
        yield Verdict.WARNING, "its answers were not checked (--unchecked): they may be wrong"


@run_rule
def recorded_answers(context: RunContext) -> Said:
    if context.facts.server.judged_by == RECORDED:
        yield (
            Verdict.NOTE,
            "its answers were compared with earlier recordings of it, not with the "
            "predictor's (--answers)",
        )


@run_rule
def approximate_answers(context: RunContext) -> Said:
    found = context.facts.accuracy
    if found is not None:
        yield (
            Verdict.NOTE,
            f"some of its answers are those of a smaller model: {accuracy.told(found)}",
        )
    elif context.facts.server.answers == APPROXIMATE:
        yield (
            Verdict.WARNING,
            "some of its answers are those of a smaller model, and how often they are right is not "
            "known",
        )


@run_rule
def unmaintained(context: RunContext) -> Said:
    if not context.facts.server.maintained:
        yield Verdict.NOTE, context.facts.server.note or "this framework is no longer maintained"


@run_rule
def left_behind(context: RunContext) -> Said:
    stop = context.facts.stop
    if stop is None:
        return
    if stop.orphans:
        yield Verdict.NOTE, f"it left {stop.orphans} processes behind, which were ended"
    if stop.killed:
        yield Verdict.WARNING, f"{stop.killed} of its processes had to be killed"


@run_rule
def died(context: RunContext) -> Said:
    failure = context.facts.failure
    if failure is not None:
        yield Verdict.INVALID, f"the run failed ({failure.phase}): {failure.message}"
