"""Variants that a framework's controller deploys, by its custom resource; the controller is the
test's."""

from __future__ import annotations

from typing import Any

import pytest

from harness.stored.records import Run
from tests.cells import cell_of
from tests.cluster.controllers import FakeController, defined
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.cluster
KSERVE = ("serving.kserve.io/v1beta1", "InferenceService", "inferenceservices")
KNATIVE = ("serving.knative.dev/v1", "Service", "services")
SELDON = ("machinelearning.seldon.io/v1", "SeldonDeployment", "seldondeployments")

DEPLOYED_BY = {
    "kserve": "KServe",
    "knative": "Knative Serving",
    "seldon:no-engine": "Seldon Core 1 (no-engine)",
}


def ran(sandbox: Sandbox, variant: str, *more: str) -> Run:
    done = sandbox.harness(
        "run", variant, "--launcher", "kubernetes", "--campaign", "c", "--json", *more
    )
    assert done.returncode in (0, 1, 4), done.stderr
    found: Run = sandbox.runs("c")[cell_of(variant, "noop", 1, launcher="kubernetes")]
    return found


@pytest.mark.parametrize(
    ("kind", "variant", "via", "replicas"),
    [
        (KSERVE, "_fake-kserve", "kserve", 2),
        (KNATIVE, "_fake", "knative", 1),
        (SELDON, "_fake", "seldon:no-engine", 1),
    ],
)
def test_a_controller_deploys_a_variant(
    sandbox: Sandbox, core: Any, kind: tuple[str, str, str], variant: str, via: str, replicas: int
) -> None:
    version, _, plural = kind
    with defined(*kind), FakeController(version, plural):
        more = ("--via", via, "--replicas", str(replicas), "--pod-cpus", "0.2")
        run = ran(sandbox, variant, *more)
    assert run.facts.failure is None, run.facts.failure
    assert all(window.requests.ok.all() for window in run.profiles)
    facts = run.facts.container
    assert facts is not None
    assert facts.pod is not None
    assert facts.pod.replicas == replicas
    assert facts.pod.address.endswith(":8080" if kind is SELDON else ":80")
    served = sum(len(window.calls.start_ns) for window in run.profiles)
    assert served >= sum(int(window.requests.ok.sum()) for window in run.profiles)
    assert facts.pod.via == DEPLOYED_BY[via]
    assert "--via" in run.facts.server.way.again
    assert f"deployed by {facts.pod.via}" in (sandbox.reports / "c" / "index.html").read_text()


def test_without_a_controller_it_says_so(sandbox: Sandbox, core: Any) -> None:
    run = ran(sandbox, "_fake", "--via", "seldon:no-engine")
    assert run.facts.failure is not None
    said = "This cluster has no SeldonDeployment of machinelearning.seldon.io/v1"
    assert said in str(run.facts.failure)


def test_a_resource_on_which_nobody_acts(sandbox: Sandbox, core: Any) -> None:
    with defined(*SELDON):
        run = ran(sandbox, "_fake", "--via", "seldon:no-engine")
    assert "nothing acts on it, so Seldon Core 1 does not run there" in str(run.facts.failure)
