"""Training in a cluster: Jobs that make the next version of a model, and a CronJob that repeats it.

See benchmarks/training/train.py for what runs in their pods.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from harness.base.errors import HarnessError
from harness.manifests import apis, training
from harness.manifests.training import Trainer
from harness.measure.launch.containers.context import APP
from harness.measure.launch.kubernetes import TrainingJob, pod_states
from harness.measure.launch.kubernetes.api_objects import ApiObjects
from harness.measure.launch.kubernetes.cluster import STRATEGIC, ApiError, Json, answering
from harness.measure.launch.kubernetes.deployments import Deployed, is_rolled_out
from harness.setup.catalog import Benchmark

_FAILED = "The model's training in the cluster failed"
_COMPLETE = "Complete"
_LOG_LINES = 40
_TAIL = 400  # characters of a log in a sentence


def trainer_of(deployment: str, image: str, benchmark: Benchmark) -> Trainer:
    """What trains a benchmark's model for a Deployment whose image is one of ours."""
    told = {"HARNESS_SYNTHETIC": "1"} if benchmark.synthetic else {}
    least = None if benchmark.synthetic else benchmark.table.accuracy_at_least
    if least is not None:
        told["HARNESS_ACCURACY_AT_LEAST"] = str(least)
    place = str(APP / "artefact")
    return Trainer(deployment=deployment, image=image, artefact=place, environment=told)


class ModelTraining:
    """What trains the model of one Deployment; its objects are there, and nothing runs yet."""

    def __init__(self, api: ApiObjects, deployed: Deployed, trainer: Trainer) -> None:
        self._cluster = api.cluster
        self._deployed = deployed
        self._trainer = trainer
        self._cron_version = apis.version_of("CronJob", api.offered)
        space = deployed.namespace
        self._cron = api.path(self._cron_version, "CronJob", space, trainer.name)
        self._jobs = api.path("batch/v1", "Job", space)
        self._pods = api.path("v1", "Pod", space)
        self._deployment = api.path("apps/v1", "Deployment", space, trainer.deployment)
        try:
            for made in training.of(trainer):
                deployed.add(made)
        except BaseException:
            self._remove()
            raise

    def begin(self) -> str:
        """Make a Job by hand; its name."""
        trainer = self._trainer
        with answering(_FAILED):
            known = {"kind": "CronJob", "apiVersion": self._cron_version}
            found = {**self._cluster.get(self._cron), **known}
            name = f"{trainer.name}-{len(self.jobs()) + 1}"
            self._cluster.post(self._jobs, training.job_by_hand(found, name))
        return name

    def repeat(self, *, on: bool) -> None:
        """Let the CronJob make Jobs on its schedule, or no longer."""
        told = {"spec": {"suspend": not on}}
        with answering(_FAILED):
            self._cluster.patch(self._cron, told)

    def jobs(self) -> tuple[str, ...]:
        """All that there are."""
        with answering(_FAILED):
            found = self._cluster.get(self._jobs, labelSelector=self._labelled)
        return tuple(str(each["metadata"]["name"]) for each in found.get("items", ()))

    def seen(self, name: str) -> TrainingJob:
        """A Job, now."""
        with answering(_FAILED):
            job = self._cluster.get(f"{self._jobs}/{name}")
            pods = self._cluster.get(self._pods, labelSelector=f"job-name={name}")["items"]
            ended, began = _ended(job), _began(pods)
            if not ended:
                return TrainingJob(
                    began=began, failure=next(filter(None, map(pod_states.never, pods)), "")
                )
            log = self._log(pods)
        told = _told(log)
        if ended["type"] == _COMPLETE:
            return TrainingJob(began=True, over=True, told=told)
        why = str(told.get("failure") or "") or _said(ended, log)
        return TrainingJob(began=began, over=True, told=told, failure=why)

    def serves(self, version: int) -> bool:
        """Whether all pods of the Deployment that take requests have that version."""
        found = self._deployed.state()
        told = found["metadata"].get("annotations", {}).get(training.VERSION, "1")
        return bool(told == str(version)) and is_rolled_out(found)

    def end(self) -> None:
        """Train no more, and have the Deployment serve the model of its image again: a rolling
        update begins, unless it did so all the time."""
        try:
            found = self._deployed.state()
            with answering("The Deployment can't be given back the model of its image"):
                if training.VERSION in found["metadata"].get("annotations", {}):
                    self._cluster.patch(self._deployment, training.undone(found), STRATEGIC)
        finally:
            self._remove()

    def _remove(self) -> None:
        """The CronJob first: it would make Jobs, and takes those that it has along. What can't be
        removed goes with the Deployment."""
        for kind in ("CronJob", "RoleBinding", "Role", "ServiceAccount"):
            with suppress(HarnessError):
                self._deployed.take_away(kind)

    def _log(self, pods: list[Json]) -> str:
        """The end of what the last pod printed; empty where it can't be had."""
        if not pods:
            return ""
        last = max(pods, key=lambda each: str(each["metadata"]["creationTimestamp"]))
        path = f"{self._pods}/{last['metadata']['name']}/log"
        with suppress(ApiError):
            return self._cluster.text(path, tailLines=str(_LOG_LINES)).decode(errors="replace")
        return ""

    @property
    def _labelled(self) -> str:
        return f"app.kubernetes.io/name={self._trainer.name}"


def _began(pods: list[Json]) -> bool:
    """Whether a container of them runs, or ran."""
    states = [told.get("state", {}) for pod in pods for told in pod_states.statuses(pod)]
    return any({"running", "terminated"} & state.keys() for state in states)


def _told(log: str) -> Mapping[str, Any]:
    """The JSON object on the last line."""
    for line in reversed(log.splitlines()):
        with suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                return found
    return {}


def _ended(job: Json) -> Json:
    """The condition that says that a Job is over; empty while it is not."""
    conditions = job.get("status", {}).get("conditions") or ()
    over = (c for c in conditions if c["type"] in (_COMPLETE, "Failed") and c["status"] == "True")
    return next(over, {})


def _said(ended: Json, log: str) -> str:
    """How a Job failed that says nothing itself."""
    printed = " ".join(log.split())[-_TAIL:]
    shown = f"; it printed: {printed}" if printed else ""
    return f"{str(ended.get('message') or 'its pod failed').rstrip('.')}{shown}"
