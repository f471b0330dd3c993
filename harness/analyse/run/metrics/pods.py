"""The start of a pod in parts, from the request for its Deployment on."""

from __future__ import annotations

from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import metric
from harness.stored.pods import PodStart


@metric(title="scheduled", unit="s", better="lower", effect=None)
def pod_scheduled(context: RunContext) -> float | None:
    """From the request for its Deployment until the first pod had a node."""
    return _start(context).scheduled_s


@metric(title="image there", unit="s", better="lower", effect=None)
def pod_image(context: RunContext) -> float | None:
    """From the request for its Deployment until the image of the first pod was on its node."""
    return _start(context).image_s


@metric(title="container runs", unit="s", better="lower", effect=0.25)
def pod_started(context: RunContext) -> float | None:
    """From the request for its Deployment until the container of the first pod ran."""
    return _start(context).started_s


@metric(title="pod ready", unit="s", better="lower", effect=0.25)
def pod_ready(context: RunContext) -> float | None:
    """From the request for its Deployment until the cluster knew that the first pod was ready."""
    return _start(context).ready_s


def _start(context: RunContext) -> PodStart:
    container = context.facts.container
    pod = container.pod if container is not None else None
    if pod is None or pod.start is None:
        return PodStart(scheduled_s=None, image_s=None, started_s=None, ready_s=None)
    return pod.start
