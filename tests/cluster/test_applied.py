"""Plain manifests of every variant, as the API server of a cluster takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harness.manifests import kinds, objects
from harness.measure.launch.kubernetes import kubeconfig
from harness.measure.launch.kubernetes.api_objects import ApiObjects
from tests.manifests.orders import SCALING, order_of, variants

pytestmark = pytest.mark.cluster
SPACE = "applied-manifests"


@pytest.fixture(scope="module")
def server(core: Any) -> Iterator[ApiObjects]:
    found = ApiObjects(kubeconfig.connect())
    found.cluster.post("/api/v1/namespaces", objects.namespace(SPACE))
    yield found
    found.cluster.delete(f"/api/v1/namespaces/{SPACE}")


@pytest.mark.parametrize("name", sorted(variants()))
def test_the_server_takes_them(server: ApiObjects, name: str) -> None:
    workload = order_of(name).workload
    more = [objects.job(workload), objects.cron_job(workload, schedule="@daily")]
    for made in (*kinds.checked("deployment", order_of(name, scaling=SCALING)), *more):
        fitted = server.fitted(made)
        place = server.path(fitted["apiVersion"], fitted["kind"], SPACE)
        taken = server.cluster.post(place, fitted, dryRun="All")
        assert taken["metadata"]["name"] == workload.name
