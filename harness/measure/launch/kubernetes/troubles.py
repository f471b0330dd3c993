"""Why a Deployment does not come up, or serves no more, as a part of a sentence."""

from __future__ import annotations

import time

from harness.measure.launch.kubernetes import pod_states
from harness.measure.launch.kubernetes.cluster import Json
from harness.measure.launch.kubernetes.deployments import Deployed
from harness.measure.launch.kubernetes.observing import PodObserver
from harness.measure.launch.kubernetes.pod_control import oldest_first

_LOOK_S = 2.0  # between two requests that ask why there is no pod
_PENDING_S = 60.0  # that a pod may wait for room: one that has ended keeps it for up to a minute
_SILENT_S = 20.0  # that the API server may be away
_SCALES_UP = "TriggeredScaleUp"  # of events: a node is on its way


class Troubles:
    """Looks at what is known of a Deployment's pods, and asks the cluster now and then."""

    def __init__(self, deployed: Deployed, observer: PodObserver) -> None:
        self._deployed = deployed
        self._observer = observer
        self._began = self._looked = time.monotonic()
        self._silent_since: float | None = None

    def before_ready(self) -> str | None:
        """Why it will not get ready, or None while it may."""
        for pod in filter(_stays, oldest_first(self._observer)):
            end = pod_states.ended(pod, self._deployed.container)
            if end is not None:
                return pod_states.end_words(end, self._deployed.workload.memory_mib)
            if reason := pod_states.never(pod):
                return reason
        return self._silent() or self._asked()

    def after_ready(self) -> str | None:
        """Why it serves no more: the cluster starts a container again, but not for ever."""
        pods = list(filter(_stays, oldest_first(self._observer)))
        if pods and all(map(pod_states.loops, pods)):
            end = pod_states.ended(pods[0], self._deployed.container)
            words = self._end_words(end)
            return f"{words}, {pod_states.restarts(pods[0])} times, and is started ever more rarely"
        if pods and all(map(pod_states.never, pods)):
            return pod_states.never(pods[0])
        return self._silent()

    def _end_words(self, end: pod_states.ContainerEnd | None) -> str:
        if end is None:
            return "its container ended"
        return pod_states.end_words(end, self._deployed.workload.memory_mib)

    def _silent(self) -> str | None:
        """Why nothing is heard of its pods."""
        if not self._observer.failure:
            self._silent_since = None
            return None
        now = time.monotonic()
        if self._silent_since is None:
            self._silent_since = now
        if now - self._silent_since < _SILENT_S:
            return None
        return (
            f"the cluster tells nothing of its pods for {_SILENT_S:g} s now "
            f"({self._observer.failure})"
        )

    def _asked(self) -> str | None:
        """What the cluster says of pods that do not come, or find no node."""
        now = time.monotonic()
        if now - self._looked < _LOOK_S:
            return None
        self._looked = now
        pods = oldest_first(self._observer)
        if not pods:
            reason = self._deployed.why_no_pods(now - self._began)
            return f"the cluster makes no pod of it: {reason}" if reason else None
        waits = [pod for pod in pods if pod_states.unschedulable(pod)]
        if not waits or now - self._began < _PENDING_S:
            return None
        return self._pending(waits[0])

    def _pending(self, pod: Json) -> str | None:
        events = self._deployed.events(str(pod["metadata"]["name"]))
        if any(event.get("reason") == _SCALES_UP for event in events):
            return None
        told = pod_states.unschedulable(pod)
        return f"its pod found no node within {_PENDING_S:g} s: {told}"


def _stays(pod: Json) -> bool:
    return not pod_states.is_ending(pod)
