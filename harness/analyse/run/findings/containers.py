"""Doubts about a run in a container."""

from __future__ import annotations

from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule

# A limit of CPU time that bites for longer than this changes what a percentile shows.
_THROTTLED_S = 0.05


@run_rule
def out_of_memory(context: RunContext) -> Said:
    container = context.facts.container
    if container is not None and container.out_of_memory and context.facts.failure is None:
        yield (
            Verdict.WARNING,
            f"the kernel killed {container.out_of_memory} of its processes at the container's "
            f"limit of {container.memory_limit_bytes >> 20} MiB, and it went on",
        )


@run_rule
def throttled(context: RunContext) -> Said:
    container = context.facts.container
    if container is not None and (container.throttled_s or 0) > _THROTTLED_S:
        yield (
            Verdict.WARNING,
            f"a CPU limit throttled it for {container.throttled_s:.2f} s",
        )


@run_rule
def engine_warned(context: RunContext) -> Said:
    container = context.facts.container
    for said in container.warnings if container is not None else ():
        yield (
            Verdict.WARNING,
            f"the engine did not create the container as requested: {said}",
        )


@run_rule
def reached_through_a_proxy(context: RunContext) -> Said:
    container = context.facts.container
    if container is not None and container.reached == "published":
        yield (
            Verdict.NOTE,
            "this machine could not reach the container's own address: the path includes a proxy "
            "of the engine, which adds to its latency",
        )
