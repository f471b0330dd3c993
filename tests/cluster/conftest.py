"""A cluster: `make test` brings one up for the tests that are marked so (scripts/with-cluster).

Tests are skipped where none can run, with the reason that it gave.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from harness.manifests.workload import PART_OF
from harness.measure.launch.kubernetes.campaign_namespace import OWNER, is_abandoned, owner
from tests.docker.conftest import BASE
from tests.system.conftest import cli, kept
from tests.system.sandbox import Sandbox

__all__ = ["cli"]
_WHY_NONE = os.environ.get("HARNESS_NO_CLUSTER")
_BESIDE_S = 60.0 if os.environ.get("PYTEST_XDIST_WORKER") else 0.0
_OURS = f"app.kubernetes.io/part-of={PART_OF}"


@pytest.fixture(scope="session")
def core() -> Any:
    """The core API of the cluster."""
    if _WHY_NONE:
        pytest.skip(f"no cluster: {_WHY_NONE}")
    if "KUBECONFIG" not in os.environ:
        pytest.fail(
            "There is no cluster. Run the tests by `make test`, or by scripts/with-cluster."
        )
    config.load_kube_config()
    return client.CoreV1Api()


def namespaces(core: Any) -> list[str]:
    """Those that this process made, or one that is gone, and that do not end already: another
    command may use the cluster as well."""
    found = [
        each
        for each in core.list_namespace(label_selector=_OURS).items
        if each.status.phase != "Terminating"
    ]
    owners = {
        each.metadata.name: (each.metadata.annotations or {}).get(OWNER, "") for each in found
    }
    return [name for name, of in owners.items() if of == owner() or is_abandoned(of)]


@pytest.fixture(autouse=True)
def alone(core: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test leaves nothing in the cluster."""
    if BASE:
        monkeypatch.setenv("HARNESS_BASE_IMAGE", BASE)
    before = set(namespaces(core))
    yield
    # One that a test beside this one leaves, to see it taken away, is gone a little later.
    until = time.monotonic() + _BESIDE_S
    while (left := set(namespaces(core)) - before) and time.monotonic() < until:
        time.sleep(1)
    assert not left


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    yield from kept(tmp_path)
