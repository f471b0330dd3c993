"""What a pod's plain data says: whether it serves, and why it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.measure.launch.kubernetes import PodSeen
from harness.measure.launch.kubernetes.cluster import Json

OUT_OF_MEMORY = "OOMKilled"
_LOOP = "CrashLoopBackOff"
_UNKNOWN = "ContainerStatusUnknown"  # its exit code stands for that: the node lost sight of it
# Why a container waits although nothing will come of it; a pull that fails once is tried again.
_NO_IMAGE = ("ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable")
_NOT_MADE = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEnd:
    """How a container ended."""

    code: int | None
    reason: str  # in the cluster's words, such as `OOMKilled` or `Error`


def statuses(pod: Json) -> Iterator[Json]:
    """Of its containers."""
    yield from pod.get("status", {}).get("containerStatuses") or ()


def is_ending(pod: Json) -> bool:
    """Whether it was told to end."""
    return "deletionTimestamp" in pod["metadata"]


def is_ready(pod: Json) -> bool:
    """Whether it takes requests."""
    conditions = pod.get("status", {}).get("conditions") or ()
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and not is_ending(pod)


def runs(pod: Json) -> bool:
    """Whether any of its containers does."""
    return any("running" in told.get("state", {}) for told in statuses(pod))


def ended(pod: Json, container: str) -> ContainerEnd | None:
    """How its container of that name ended last; None where it never did."""
    for told in statuses(pod):
        if told["name"] != container:
            continue
        for state in ("state", "lastState"):
            if found := told.get(state, {}).get("terminated"):
                reason = str(found.get("reason", ""))
                code = None if reason == _UNKNOWN else found.get("exitCode")
                return ContainerEnd(code=code, reason=reason)
    return None


def restarts(pod: Json) -> int:
    """How often its containers were started again."""
    return sum(int(told.get("restartCount", 0)) for told in statuses(pod))


def seen(pod: Json) -> PodSeen:
    """It, now."""
    return PodSeen(
        name=str(pod["metadata"]["name"]),
        uid=str(pod["metadata"]["uid"]),
        node=str(pod.get("spec", {}).get("nodeName", "")),
        phase=str(pod.get("status", {}).get("phase", "")),
        ready=is_ready(pod),
        ending=is_ending(pod),
        restarts=restarts(pod),
        runs=runs(pod),
        why=_why(pod),
    )


def _why(pod: Json) -> str:
    """Why it does not run, or why its container ended last, in the cluster's words."""
    found = waiting(pod)
    for told in statuses(pod):
        if end := ended(pod, told["name"]):
            code = f" (exit code {end.code})" if end.code else ""
            found.append(f"{end.reason}{code}")
    status = pod.get("status", {})
    if status.get("reason"):
        found.append(f"{status['reason']}: {status.get('message', '')}".rstrip(": "))
    if no_node := unschedulable(pod):
        found.append(no_node)
    return "; ".join(dict.fromkeys(found))


def waiting(pod: Json) -> list[str]:
    """Why its containers wait, each in the cluster's words."""
    found = []
    for told in statuses(pod):
        state = told.get("state", {}).get("waiting")
        if state:
            found.append(": ".join(filter(None, [state.get("reason", ""), _said(state)])))
    return found


def unschedulable(pod: Json) -> str:
    """Why no node takes it; empty where one does."""
    for each in pod.get("status", {}).get("conditions") or ():
        if each["type"] == "PodScheduled" and each["status"] == "False":
            return _said(each)
    return ""


def never(pod: Json) -> str:
    """Why it will never run, as its state alone tells; empty where it may."""
    for told in statuses(pod):
        state = told.get("state", {}).get("waiting", {})
        if state.get("reason") in _NO_IMAGE:
            return f"the cluster can't get its image {told.get('image', '')}: {_said(state)}"
        if state.get("reason") in _NOT_MADE:
            return f"its container can't be made: {state['reason']}: {_said(state)}"
    status = pod.get("status", {})
    if status.get("phase") == "Failed":
        said = [str(status.get("reason", "")), _said(status)]
        return f"its pod has failed: {': '.join(filter(None, said)) or 'no reason is told'}"
    return ""


def loops(pod: Json) -> bool:
    """Whether its container ends again and again, so that the cluster waits before each start."""
    states = (told.get("state", {}).get("waiting", {}) for told in statuses(pod))
    return any(state.get("reason") == _LOOP for state in states)


def end_words(end: ContainerEnd, limit_mib: int) -> str:
    """How a container ended, as part of a sentence."""
    if end.reason == OUT_OF_MEMORY:
        return (
            "the kernel's out-of-memory killer ended it: it may use "
            f"{limit_mib} MiB (`memory_mib` in server.toml)"
        )
    if end.code is None:
        return "its container ended, and the cluster does not tell how"
    return f"its container ended with exit code {end.code}"


def warnings(events: Iterable[Json]) -> list[str]:
    """The latest warnings of events, the newest last."""
    bad = [e for e in events if e.get("type") == "Warning"]
    bad.sort(key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))
    return list(dict.fromkeys(f"{e.get('reason', '')}: {_said(e)}" for e in bad))


def _said(told: Json) -> str:
    return " ".join(str(told.get("message", "")).split()).rstrip(".")
