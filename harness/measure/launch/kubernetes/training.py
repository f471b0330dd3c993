"""Training in a cluster: Jobs that make the next version of a model, and a CronJob that repeats it.

See benchmarks/training/train.py for what runs in their pods.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from harness.base.errors import HarnessError
from harness.manifests import apis, training
from harness.manifests.apis import Offered
from harness.manifests.training import Trainer
from harness.measure.launch.kubernetes.cluster import (
    STRATEGIC,
    ApiError,
    Cluster,
    Json,
    answering,
    suppress_missing,
)

_FAILED = "The model's training in the cluster failed"
_NEVER = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError")
_LOG_LINES = 40
_TAIL = 400  # characters of a log in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """A Job, now."""

    began: bool = False  # its container runs, or ran
    over: bool = False
    failure: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)  # its last words, once it is over


class ModelTraining:
    """What trains the model of one Deployment; its objects are there, and nothing runs yet."""

    def __init__(
        self, cluster: Cluster, namespace: str, trainer: Trainer, offered: Offered
    ) -> None:
        self._cluster = cluster
        self._trainer = trainer
        self._core = f"/api/v1/namespaces/{namespace}"
        self._batch = f"/apis/batch/v1/namespaces/{namespace}"
        self._rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        version = apis.version_of("CronJob", offered)
        self._crons = f"/apis/{version}/namespaces/{namespace}/cronjobs"
        self._deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        self._version = version
        try:
            self._make()
        except BaseException:
            self._remove()
            raise

    def begin(self) -> str:
        """Make a Job by hand; its name."""
        trainer = self._trainer
        with answering(_FAILED):
            found = self._cluster.get(f"{self._crons}/{trainer.name}")
            known = {"kind": "CronJob", "apiVersion": self._version}
            name = f"{trainer.name}-{len(self.jobs()) + 1}"
            self._cluster.post(
                f"{self._batch}/jobs", training.job_by_hand({**found, **known}, name)
            )
        return name

    def repeat(self, *, on: bool) -> None:
        """Let the CronJob make Jobs on its schedule, or no longer."""
        told = {"spec": {"suspend": not on}}
        with answering(_FAILED):
            self._cluster.patch(f"{self._crons}/{self._trainer.name}", told)

    def jobs(self) -> tuple[str, ...]:
        """All that there are."""
        with answering(_FAILED):
            found = self._cluster.get(f"{self._batch}/jobs", labelSelector=self._labelled)
        return tuple(str(each["metadata"]["name"]) for each in found.get("items", ()))

    def seen(self, name: str) -> TrainingJob:
        """A Job, now."""
        with answering(_FAILED):
            job = self._cluster.get(f"{self._batch}/jobs/{name}")
            selector = f"job-name={name}"
            pods = self._cluster.get(f"{self._core}/pods", labelSelector=selector)["items"]
            status = job.get("status", {})
            over = bool(status.get("succeeded") or status.get("failed"))
            began, waits = _began(pods), _waits(pods)
            if not over:
                return TrainingJob(began=began, failure=waits)
            log = self._log(pods)
        told = _told(log)
        if status.get("succeeded"):
            return TrainingJob(began=True, over=True, told=told)
        why = str(told.get("failure") or "") or _ended(job, log)
        return TrainingJob(began=began, over=True, told=told, failure=why)

    def serves(self, version: int) -> bool:
        """Whether all pods of the Deployment that take requests have that version."""
        with answering(_FAILED):
            found = self._cluster.get(f"{self._deployments}/{self._trainer.deployment}")
        told = found["metadata"].get("annotations", {}).get(training.VERSION)
        return told == str(version) and is_rolled_out(found)

    def end(self) -> None:
        """Train no more, and have the Deployment serve the model of its image again: a rolling
        update begins, unless it did so all the time."""
        try:
            with answering("The Deployment can't be given back the model of its image"):
                path = f"{self._deployments}/{self._trainer.deployment}"
                found = self._cluster.get(path)
                if training.VERSION in found["metadata"].get("annotations", {}):
                    self._cluster.patch(path, training.undone(found), STRATEGIC)
        finally:
            self._remove()

    def _make(self) -> None:
        account, role, binding, cron_job = training.of(self._trainer)
        cron_job = {**cron_job, "apiVersion": self._version}
        with answering("What trains the model in the cluster can't be made"):
            self._cluster.post(f"{self._core}/serviceaccounts", account)
            self._cluster.post(f"{self._rbac}/roles", role)
            self._cluster.post(f"{self._rbac}/rolebindings", binding)
            self._cluster.post(self._crons, cron_job)

    def _remove(self) -> None:
        """The CronJob first: it would make Jobs. What can't be removed goes with the namespace."""
        name = self._trainer.name
        for path in (
            f"{self._crons}/{name}",
            *(f"{self._batch}/jobs/{each}" for each in self._left()),
            f"{self._rbac}/rolebindings/{name}",
            f"{self._rbac}/roles/{name}",
            f"{self._core}/serviceaccounts/{name}",
        ):
            with suppress(ApiError), suppress_missing():
                self._cluster.delete(path)

    def _left(self) -> tuple[str, ...]:
        with suppress(HarnessError):
            return self.jobs()
        return ()

    def _log(self, pods: list[Json]) -> str:
        """The end of what the last pod printed; empty where it can't be had."""
        if not pods:
            return ""
        last = max(pods, key=lambda each: str(each["metadata"]["creationTimestamp"]))
        path = f"{self._core}/pods/{last['metadata']['name']}/log"
        with suppress(ApiError):
            return self._cluster.text(path, tailLines=str(_LOG_LINES)).decode(errors="replace")
        return ""

    @property
    def _labelled(self) -> str:
        return f"app.kubernetes.io/name={self._trainer.name}"


def is_rolled_out(deployment: Json) -> bool:
    """Whether all pods are of the newest template and ready, and none is left of an earlier one, as
    `kubectl rollout status` has it."""
    wanted, status = deployment["spec"].get("replicas", 1), deployment.get("status", {})
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    counts = ("updatedReplicas", "replicas", "availableReplicas")
    return seen and all(status.get(each, 0) == wanted for each in counts)


def _states(pods: list[Json]) -> list[Json]:
    """The states of all containers."""
    statuses = [each.get("status", {}).get("containerStatuses") or () for each in pods]
    return [found.get("state", {}) for status in statuses for found in status]


def _began(pods: list[Json]) -> bool:
    return any({"running", "terminated"} & state.keys() for state in _states(pods))


def _waits(pods: list[Json]) -> str:
    """Why a container will never start; empty where it may."""
    for state in _states(pods):
        waiting = state.get("waiting", {})
        if waiting.get("reason") in _NEVER:
            return f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    return ""


def _told(log: str) -> Mapping[str, Any]:
    """The JSON object on the last line."""
    for line in reversed(log.splitlines()):
        with suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                return found
    return {}


def _ended(job: Json, log: str) -> str:
    """How a Job failed that says nothing itself."""
    conditions = job.get("status", {}).get("conditions") or ()
    said = [str(c.get("message", "")) for c in conditions if c.get("type") == "Failed"]
    printed = " ".join(log.split())[-_TAIL:]
    shown = f"; it printed: {printed}" if printed else ""
    return f"{next(iter(said), 'its pod failed')}{shown}"
