"""What a Deployment's changes under load cost its callers, and how even its pods are used."""

from __future__ import annotations

from harness.analyse.run import changed, pod_time
from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import metric
from harness.setup.changes import (
    AUTOSCALING,
    NODE_DRAINED,
    NOT_LIVE,
    POD_KILLED,
    ROLLING_UPDATE,
    TRAIN_AND_SERVE,
    ChangeName,
)


@metric(title="balance", unit="index", better="higher", digits=3, effect=None)
def pod_balance(context: RunContext) -> float | None:
    """Jain's index of the predictor's calls in the pods of its Deployment: 1 where all have as
    many, 1/n where one of n has all."""
    found = pod_time.balance_of(context.facts)
    return None if found is None else found.jain


@metric(title="SLO after a step", unit="s", better="lower", digits=1, effect=0.25)
def scale_up(context: RunContext) -> float | None:
    """Under an autoscaler: the longest time from a step up of the rate until the SLO held for the
    rest of that step."""
    found = changed.of_name(context.run, AUTOSCALING)
    return found.steps.held_s if found is not None and found.steps is not None else None


@metric(title="late in steps", unit="requests", better="lower", digits=0, effect=None)
def scale_late(context: RunContext) -> float | None:
    """Under an autoscaler: requests that were answered later than the SLO's limit from a step up of
    the rate until the SLO held again."""
    found = changed.of_name(context.run, AUTOSCALING)
    return None if found is None or found.steps is None else float(found.steps.late)


@metric(title="failed in steps", unit="requests", better="lower", digits=0, effect=None)
def scale_failed(context: RunContext) -> float | None:
    """Under an autoscaler: requests that failed from a step up of the rate until the SLO held
    again."""
    found = changed.of_name(context.run, AUTOSCALING)
    return None if found is None or found.steps is None else float(found.steps.failed)


@metric(title="pod-seconds", unit="x ideal", better="lower", effect=0.10)
def pod_seconds(context: RunContext) -> float | None:
    """Under an autoscaler: seconds of pods that were there, divided by those of as many at each
    rate as carry it, had each the capacity of one alone."""
    found = changed.of_name(context.run, AUTOSCALING)
    pods = found.steps.pods if found is not None and found.steps is not None else None
    return None if pods is None or pods.ideal_s <= 0 else pods.used_s / pods.ideal_s


@metric(title="scale-down", unit="s", better="lower", digits=1, effect=0.25)
def scale_down(context: RunContext) -> float | None:
    """Under an autoscaler: from the last step down of the rate until no more pods were ready than
    at first."""
    found = changed.of_name(context.run, AUTOSCALING)
    return found.steps.down_s if found is not None and found.steps is not None else None


@metric(title="lost in update", unit="requests", better="lower", digits=0, effect=None)
def update_lost(context: RunContext) -> float | None:
    """Requests that failed from the begin of a rolling update on."""
    return _lost(context, ROLLING_UPDATE)


@metric(title="gap in update", unit="s", better="lower", digits=3, effect=0.25)
def update_gap(context: RunContext) -> float | None:
    """The longest time without a right answer from the begin of a rolling update on."""
    found = changed.of_name(context.run, ROLLING_UPDATE)
    return None if found is None else found.gap_s


@metric(title="tail in update", unit="x before", better="lower", effect=0.25)
def update_tail(context: RunContext) -> float | None:
    """The SLO's percentile of the response time during a rolling update, divided by the one before;
    a lower percentile where there were too few requests for that."""
    found = changed.of_name(context.run, ROLLING_UPDATE)
    return None if found is None or found.beside is None else found.beside.ratio


@metric(title="lost at kill", unit="requests", better="lower", digits=0, effect=None)
def kill_lost(context: RunContext) -> float | None:
    """Requests that failed from the moment on at which a pod was deleted without grace."""
    return _lost(context, POD_KILLED)


@metric(title="SLO after kill", unit="s", better="lower", effect=0.25)
def kill_held(context: RunContext) -> float | None:
    """From the moment at which a pod was deleted without grace until the SLO held for the rest of
    the window."""
    return _held(context, POD_KILLED)


@metric(title="lost at drain", unit="requests", better="lower", digits=0, effect=None)
def drain_lost(context: RunContext) -> float | None:
    """Requests that failed from the moment on at which a node was drained of its pods."""
    return _lost(context, NODE_DRAINED)


@metric(title="SLO after drain", unit="s", better="lower", effect=0.25)
def drain_held(context: RunContext) -> float | None:
    """From the moment at which a node was drained of its pods until the SLO held for the rest of
    the window."""
    return _held(context, NODE_DRAINED)


@metric(title="lost at freeze", unit="requests", better="lower", digits=0, effect=None)
def freeze_lost(context: RunContext) -> float | None:
    """Requests that failed from the moment on at which a pod was frozen."""
    return _lost(context, NOT_LIVE)


@metric(title="SLO after freeze", unit="s", better="lower", effect=0.25)
def freeze_held(context: RunContext) -> float | None:
    """From the moment at which a pod was frozen until the SLO held for the rest of the window."""
    return _held(context, NOT_LIVE)


@metric(title="lost in training", unit="requests", better="lower", digits=0, effect=None)
def retrain_lost(context: RunContext) -> float | None:
    """Requests that failed from the moment on at which a Job was made that trains what is served
    then."""
    return _lost(context, TRAIN_AND_SERVE)


@metric(title="last old answer", unit="s", better="lower", digits=1, effect=0.25)
def retrain_old(context: RunContext) -> float | None:
    """From the end of the first Job that trained until the last answer of the model before."""
    found = changed.of_name(context.run, TRAIN_AND_SERVE)
    version = next(iter(found.versions), None) if found is not None else None
    return None if version is None else version.old_after_job_s


def _lost(context: RunContext, name: ChangeName) -> float | None:
    found = changed.of_name(context.run, name)
    return None if found is None else float(found.lost)


def _held(context: RunContext, name: ChangeName) -> float | None:
    found = changed.of_name(context.run, name)
    return None if found is None else found.held_s
