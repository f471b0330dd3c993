"""Objects that train a model in a cluster."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest

from harness.manifests import training
from harness.manifests.training import Trainer

TRAINER = Trainer(
    deployment="served",
    image="serving-harness/training-iris:1",
    artefact="/app/artefact",
    environment={"HARNESS_ACCURACY_AT_LEAST": "0.9"},
)


@pytest.mark.parametrize("made", training.of(TRAINER), ids=lambda made: str(made["kind"]))
def test_they_are_valid(made: dict[str, Any]) -> None:
    kubernetes_validate.validate(made, "1.31", strict=True)


def test_a_training_pod_has_as_few_rights_as_it_needs() -> None:
    role, cron_job = training.role(TRAINER), training.cron_job(TRAINER)
    assert role["rules"] == [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "resourceNames": ["served"],
            "verbs": ["get", "patch"],
        },
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
    ]
    pod = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == training.account(TRAINER)["metadata"]["name"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    told = {each["name"]: each["value"] for each in container["env"]}
    assert told["HARNESS_DEPLOYMENT"] == "served"
    assert told["HARNESS_ACCURACY_AT_LEAST"] == "0.9"


def test_nothing_runs_before_it_is_told_to_and_never_two_at_a_time() -> None:
    spec = training.cron_job(TRAINER)["spec"]
    assert spec["suspend"] is True
    assert spec["concurrencyPolicy"] == "Forbid"


def test_its_pods_are_none_of_the_deployment_s() -> None:
    template = training.cron_job(TRAINER)["spec"]["jobTemplate"]["spec"]["template"]
    assert template["metadata"]["labels"]["app.kubernetes.io/name"] != "served"


def test_a_job_by_hand_belongs_to_its_cron_job() -> None:
    made = training.cron_job(TRAINER)
    made["metadata"]["uid"] = "u-7"
    job = training.job_by_hand(made, "served-trainer-1")
    kubernetes_validate.validate(job, "1.31", strict=True)
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("CronJob", "u-7", True)
    assert job["spec"] == made["spec"]["jobTemplate"]["spec"]


def test_a_deployment_gets_back_what_it_had() -> None:
    mounts = [
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": training.MODEL, "mountPath": "/app/artefact"},
    ]
    container = {"name": "served", "volumeMounts": mounts}
    served = {"spec": {"template": {"spec": {"containers": [container]}}}}
    patch = training.undone(served)
    assert patch["metadata"]["annotations"] == {training.VERSION: None}
    pod = patch["spec"]["template"]["spec"]
    assert pod["volumes"] == [{"name": training.MODEL, "$patch": "delete"}]
    gone = {"mountPath": "/app/artefact", "$patch": "delete"}
    assert pod["containers"] == [{"name": "served", "volumeMounts": [gone]}]
