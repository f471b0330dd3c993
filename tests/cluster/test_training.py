"""A Job trains in the cluster, its Deployment serves that, and a CronJob does so again."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from harness.base import paths
from harness.manifests import training
from harness.manifests.training import Trainer
from harness.setup.changes import TRAIN_AND_SERVE
from harness.stored.pods import ClusterChange
from harness.stored.records import Run, Window
from harness.windows.kinds import WindowKind
from tests.system.sandbox import Sandbox, until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
QUICK: tuple[str, ...] = (
    "--benchmark",
    "noop",
    "--campaign",
    "c",
    "--replicas",
    "1",
    "--pod-cpus",
    "0.3",
)
QUICK += ("--pod-memory", "256m", "--duration", "1", "--search", "2s", "--load", "0.3,2")


def trains(sandbox: Sandbox) -> None:
    """Let its benchmark have versions."""
    build = paths.PROJECT / "benchmarks" / "noop" / "build.py"
    shutil.copy(build, sandbox.benchmarks / "noop")


def scaled(sandbox: Sandbox) -> tuple[Run, Window, ClusterChange]:
    (run,) = (run for cell, run in sandbox.runs("c").items() if "_fake" in cell.subject.variant)
    assert run.facts.failure is None
    (window,) = (each for each in run.windows if each.facts.kind is WindowKind.CHANGE)
    assert run.facts.lifecycle is not None
    (change,) = run.facts.lifecycle.changes
    assert change.name == TRAIN_AND_SERVE
    return run, window, change


def test_a_job_and_a_cron_job_train_what_is_served_and_nothing_is_lost(
    core: Any, sandbox: Sandbox, tmp_path: Path
) -> None:
    trains(sandbox)
    done = sandbox.harness("scale", "_fake-drains", *QUICK, "--experiment", TRAIN_AND_SERVE)
    assert done.returncode == 0, done.stderr
    run, window, change = scaled(sandbox)
    assert change.failure == ""
    assert [(each.version, each.by) for each in change.trained] == [(2, "Job"), (3, "CronJob")]
    assert all(each.failure == "" and each.served_ns for each in change.trained)
    requests = window.requests
    assert requests.kinds() == {}
    assert run.facts.container is not None
    assert run.facts.container.reached == "service"
    versions = window.marks.each("version", len(requests))
    assert set(versions.tolist()) == {1, 2, 3}, "each answer is that of one version"
    # A pod serves on for a while after it is to end, where that is beyond the window's end as well.
    told = {each.said: each.at_ns for each in change.happenings}
    pods = {said.split()[1].rstrip(":") for said in told if said.startswith("pod ")}
    last = max((at, said.split()[1]) for said, at in told.items() if said.endswith(" is ready"))[1]
    end = int(requests.sent_ns.max())
    gone = max(told.get(f"pod {pod} is gone", end) for pod in pods - {last})
    assert set(versions[requests.sent_ns > gone].tolist()) <= {3}


def test_a_build_that_fails_leaves_the_version_before_and_says_why(
    sandbox: Sandbox,
) -> None:
    trains(sandbox)
    build = sandbox.benchmarks / "noop" / "build.py"
    # Only in the cluster: here the harness makes that version itself, to know what is right.
    fails = "if 'trainer' in os.uname().nodename:\n"
    build.write_text(build.read_text() + fails + "    raise SystemExit('no data today')\n")
    done = sandbox.harness("scale", "_fake-drains", *QUICK, "--experiment", TRAIN_AND_SERVE)
    assert done.returncode == 1, done.stderr
    _, window, change = scaled(sandbox)
    assert change.failure.startswith("version 2 is not served: build.py failed with exit code 1")
    assert "no data today" in change.failure
    assert change.failure in done.stderr
    (only,) = change.trained
    assert (only.began_ns is not None, only.served_ns) == (True, None)
    assert window.requests.kinds() == {}
    assert set(window.marks.each("version", len(window.requests)).tolist()) == {1}


def test_what_trains_may_do_nothing_else(core: Any) -> None:
    """As the API server sees its account; what it needs not, it may not."""
    name, trainer = (
        f"training-{secrets.token_hex(4)}",
        Trainer(deployment="d", image="i", artefact="/a"),
    )
    core.create_namespace({"metadata": {"name": name}})
    rbac = client.RbacAuthorizationV1Api(core.api_client)
    reviews = client.AuthorizationV1Api(core.api_client)
    user = f"system:serviceaccount:{name}:{trainer.name}"
    try:
        core.create_namespaced_service_account(name, training.account(trainer))
        rbac.create_namespaced_role(name, training.role(trainer))
        rbac.create_namespaced_role_binding(name, training.binding(trainer))

        def may(
            verb: str, resource: str, group: str = "", which: str = "", space: str = name
        ) -> bool:
            asked = {"verb": verb, "resource": resource, "group": group, "name": which}
            spec = {"user": user, "resourceAttributes": {**asked, "namespace": space}}
            return bool(reviews.create_subject_access_review({"spec": spec}).status.allowed)

        until(lambda: may("patch", "deployments", "apps", "d"))
        assert may("get", "deployments", "apps", "d")
        assert may("create", "configmaps")
        assert not may("patch", "deployments", "apps", "other")
        assert not may("delete", "deployments", "apps", "d")
        assert not may("list", "deployments", "apps")
        assert not may("get", "secrets")
        assert not may("get", "configmaps")
        assert not may("create", "pods")
        assert not may("create", "configmaps", space="default")
    finally:
        core.delete_namespace(name)
