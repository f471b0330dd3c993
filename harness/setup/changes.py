"""What `scale` does to a Deployment while it serves."""

from __future__ import annotations

from typing import Literal, get_args

AUTOSCALING: ChangeName = "autoscaling"
ROLLING_UPDATE: ChangeName = "rolling-update"
POD_KILLED: ChangeName = "pod-killed"
NODE_DRAINED: ChangeName = "node-drained"
NOT_LIVE: ChangeName = "liveness"
TRAIN_AND_SERVE: ChangeName = "train-and-serve"

ChangeName = Literal[
    "autoscaling", "rolling-update", "pod-killed", "node-drained", "liveness", "train-and-serve"
]
CHANGES: tuple[ChangeName, ...] = get_args(ChangeName)
