"""What `scale` does to a Deployment while it serves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from pydantic import Field

from harness.base import toml

AUTOSCALING: ChangeName = "autoscaling"
ROLLING_UPDATE: ChangeName = "rolling-update"
POD_KILLED: ChangeName = "pod-killed"
NODE_DRAINED: ChangeName = "node-drained"
NOT_LIVE: ChangeName = "liveness"
TRAIN_AND_SERVE: ChangeName = "train-and-serve"
REPLICAS = "replicas"  # the axis of a campaign of `scale`

ChangeName = Literal[
    "autoscaling", "rolling-update", "pod-killed", "node-drained", "liveness", "train-and-serve"
]
CHANGES: tuple[ChangeName, ...] = get_args(ChangeName)
_MINUTE_S = 60.0  # between two Jobs of a CronJob
_FOUND_S = 35.0  # until a server that hangs is found by its liveness probe, and ended
_USUAL_S = 25.0  # that a change takes beside its window's ends, until more is known


class ChangingTable(toml.Strict):
    """How much of each change there is. Rates are shares of one pod's capacity."""

    rate_share: float = Field(default=0.5, gt=0)  # of all changes; the first step of autoscaling
    peak_share: float = Field(default=2.0, gt=0)  # its highest step
    step_s: float = Field(default=15.0, gt=0)  # of each of its six steps
    most_pods: int = Field(default=5, gt=0)  # that the autoscaler may ask for
    cpu_percent: int = Field(default=80, gt=0)  # of what pods request, as the autoscaler's target
    pods: int = Field(default=2, gt=0)  # that serve when one of them is updated, killed or evicted
    before_s: float = Field(default=4.0, gt=0)  # of load, until something is done
    after_s: float = Field(default=4.0, gt=0)  # of load, when all is as it was
    within_s: float = Field(default=90.0, gt=0)  # that all must be as it was


def planned_s(changes: Iterable[ChangeName], told: ChangingTable) -> float:
    """How long changes are likely to take."""
    usual_s = told.before_s + told.after_s + _USUAL_S
    each_s = {
        AUTOSCALING: 6 * told.step_s + _USUAL_S,
        NOT_LIVE: usual_s + _FOUND_S,
        TRAIN_AND_SERVE: usual_s + _USUAL_S + _MINUTE_S / 2,
    }
    return sum(each_s.get(name, usual_s) for name in changes)
