"""Training in a cluster by its API: what is made, looked at and removed."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from harness.base.errors import LaunchError
from harness.manifests import training as manifests
from harness.manifests.training import Trainer
from harness.measure.launch.kubernetes import training
from harness.measure.launch.kubernetes.cluster import STRATEGIC, ApiError
from harness.measure.launch.kubernetes.training import ModelTraining
from harness.setup import catalog

TRAINER = Trainer(deployment="served", image="i:1", artefact="/app/artefact")
CRON = "/batch/v1beta1/CronJob/ours/served-trainer"
JOBS = "/batch/v1/Job/ours"
PODS = "/v1/Pod/ours"
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}
FAILED = {"conditions": [{"type": "Failed", "status": "True", "message": "Deadline exceeded."}]}


class Api:
    """A cluster's API, of which only this is there; it is its own connection."""

    def __init__(self) -> None:
        self.offered = {"batch/v1beta1": ("CronJob",)}
        self.cluster = self
        self.found: dict[str, Any] = {CRON: manifests.cron_job(TRAINER), JOBS: {"items": []}}
        self.found[CRON]["metadata"]["uid"] = "u-1"
        self.asked: list[tuple[str, str, Any]] = []
        self.log = b""

    def path(self, version: str, kind: str, namespace: str, name: str = "") -> str:
        return "/".join(["", version, kind, namespace, *([name] if name else [])])

    def get(self, path: str, **_: str) -> Any:
        if path not in self.found:
            raise ApiError(f"{path} is not there", 404)
        return self.found[path]

    def post(self, path: str, body: Any) -> None:
        self.asked.append(("POST", path, body))

    def patch(self, path: str, body: Any, kind: str = "") -> None:
        self.asked.append((kind or "PATCH", path, body))

    def text(self, path: str, **_: str) -> bytes:
        assert path == f"{PODS}/pod/log"
        return self.log


class Deployed:
    """A Deployment."""

    namespace = "ours"

    def __init__(self) -> None:
        self.made: list[str] = []
        self.refuses = ""
        self.told: dict[str, Any] = {"metadata": {"generation": 3}, "spec": {"replicas": 2}}

    def add(self, made: dict[str, Any]) -> None:
        if made["kind"] == self.refuses:
            raise LaunchError("forbidden")
        self.made.append(made["kind"])

    def take_away(self, kind: str) -> None:
        self.made = [each for each in self.made if each != kind]

    def state(self) -> dict[str, Any]:
        return self.told


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def deployed() -> Deployed:
    return Deployed()


@pytest.fixture
def trainer(api: Api, deployed: Deployed) -> ModelTraining:
    return ModelTraining(cast(Any, api), cast(Any, deployed), TRAINER)


def pod(state: dict[str, Any]) -> dict[str, Any]:
    told = {"name": "served-trainer", "image": "i:1", "state": state}
    about = {"name": "pod", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": about, "status": {"containerStatuses": [told]}}


def test_its_objects_are_made_and_removed(trainer: ModelTraining, deployed: Deployed) -> None:
    assert deployed.made == ["ServiceAccount", "Role", "RoleBinding", "CronJob"]
    trainer.end()
    assert deployed.made == []


def test_nothing_is_left_where_one_can_not_be_made(api: Api, deployed: Deployed) -> None:
    deployed.refuses = "CronJob"
    with pytest.raises(LaunchError, match="forbidden"):
        ModelTraining(cast(Any, api), cast(Any, deployed), TRAINER)
    assert deployed.made == []


def test_a_job_by_hand_is_that_of_the_cron_job(trainer: ModelTraining, api: Api) -> None:
    api.found[JOBS] = {"items": [{"metadata": {"name": "served-trainer-1"}}]}
    assert trainer.begin() == "served-trainer-2"
    ((_, path, made),) = api.asked
    assert path == JOBS
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["apiVersion"], owner["uid"]) == ("batch/v1beta1", "u-1")


def test_the_cron_job_goes_on_and_pauses(trainer: ModelTraining, api: Api) -> None:
    trainer.repeat(on=True)
    trainer.repeat(on=False)
    assert [body for _, path, body in api.asked if path == CRON] == [
        {"spec": {"suspend": False}},
        {"spec": {"suspend": True}},
    ]


@pytest.mark.parametrize(
    ("status", "state", "log", "expected"),
    [
        ({}, {"waiting": {"reason": "ContainerCreating"}}, "", (False, False, "")),
        ({}, {"running": {}}, "", (True, False, "")),
        (COMPLETE, {"terminated": {}}, '{"version": 2}', (True, True, "")),
        (FAILED, {"terminated": {}}, '{"failure": "too bad"}', (True, True, "too bad")),
        (
            FAILED,
            {"terminated": {}},
            "Killed",
            (True, True, "Deadline exceeded; it printed: Killed"),
        ),
        (
            {},
            {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
            "",
            (False, False, "the cluster can't get its image i:1: no such image"),
        ),
    ],
)
def test_a_job_is_seen(
    trainer: ModelTraining,
    api: Api,
    status: dict[str, Any],
    state: dict[str, Any],
    log: str,
    expected: tuple[bool, bool, str],
) -> None:
    api.found[f"{JOBS}/j"] = {"status": status}
    api.found[PODS] = {"items": [pod(state)]}
    api.log = log.encode()
    seen = trainer.seen("j")
    assert (seen.began, seen.over, seen.failure) == expected
    if log.startswith("{") and seen.over:
        assert dict(seen.told) == json.loads(log)


def test_a_version_is_served_when_all_pods_have_it(
    trainer: ModelTraining, deployed: Deployed
) -> None:
    counts = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    deployed.told["status"] = {"observedGeneration": 3, **counts}
    assert trainer.serves(1)
    deployed.told["metadata"]["annotations"] = {manifests.VERSION: "2"}
    assert trainer.serves(2)
    assert not trainer.serves(1)
    deployed.told["status"]["updatedReplicas"] = 1
    assert not trainer.serves(2)
    deployed.told["status"] = {"observedGeneration": 2, **counts}
    assert not trainer.serves(2), "the cluster has not taken note of it yet"


def test_only_what_was_changed_is_given_back(
    trainer: ModelTraining, api: Api, deployed: Deployed
) -> None:
    trainer.end()
    assert api.asked == []
    container = {"name": "served", "volumeMounts": []}
    deployed.told["spec"]["template"] = {"spec": {"containers": [container]}}
    deployed.told["metadata"]["annotations"] = {manifests.VERSION: "2"}
    trainer.end()
    ((kind, path, _),) = api.asked
    assert (kind, path) == (STRATEGIC, "/apps/v1/Deployment/ours/served")


def test_an_api_that_is_gone_is_a_sentence(trainer: ModelTraining) -> None:
    with pytest.raises(LaunchError, match=r"training in the cluster failed: .*is not there"):
        trainer.seen("missing")


def test_a_build_is_told_what_its_benchmark_asks_for() -> None:
    iris = catalog.benchmark("iris")
    made = training.trainer_of("served", "i:1", iris)
    assert dict(made.environment) == {"HARNESS_ACCURACY_AT_LEAST": "0.93"}
    assert made.artefact == "/app/artefact"
