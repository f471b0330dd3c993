"""Doubts about a run in a cluster."""

from __future__ import annotations

from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule
from harness.stored.pods import PodFacts

_OFF_S = 1.0  # the resolution of Kubernetes' own time stamps


@run_rule
def pods_restarted(context: RunContext) -> Said:
    pod = _pod(context)
    if pod is not None and pod.restarts:
        times = "once" if pod.restarts == 1 else f"{pod.restarts} times"
        yield Verdict.WARNING, f"the cluster restarted a container of its pods {times}"


@run_rule
def pods_not_guaranteed(context: RunContext) -> Said:
    pod = _pod(context)
    if pod is not None and pod.qos not in ("", "Guaranteed"):
        yield (
            Verdict.WARNING,
            f"its pods have the class of service {pod.qos}: they may lose CPU time and memory to "
            "others on their node",
        )


@run_rule
def quota_alone(context: RunContext) -> Said:
    pod = _pod(context)
    if pod is not None and pod.usage_from == "control group" and not pod.own_cpus:
        yield (
            Verdict.NOTE,
            "its pods had a quota of CPU time, not CPUs of their own: on this machine they ran "
            "beside the load generator, so compare it with process and docker with care",
        )


@run_rule
def usage_by_kubelet(context: RunContext) -> Said:
    pod = _pod(context)
    if pod is not None and pod.usage_from == "kubelet":
        yield (
            Verdict.NOTE,
            "CPU time and memory are those that its node's kubelet counts, some seconds apart",
        )


@run_rule
def node_clock_off(context: RunContext) -> Said:
    pod = _pod(context)
    if pod is not None and pod.clock_off_s is not None and abs(pod.clock_off_s) > _OFF_S:
        way = "ahead of" if pod.clock_off_s > 0 else "behind"
        yield (
            Verdict.WARNING,
            f"the clock of its node is {abs(pod.clock_off_s):.1f} s {way} this machine's: what the "
            "cluster stamps, its log and its events, is off by that; what is measured is not",
        )


def _pod(context: RunContext) -> PodFacts | None:
    container = context.facts.container
    return container.pod if container is not None else None
