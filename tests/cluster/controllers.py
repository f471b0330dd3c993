"""Controllers for tests: what makes a Deployment and a Service of a custom resource, and says that
it serves, as the frameworks' own do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kubernetes import client
from kubernetes.client.rest import ApiException

Json = dict[str, Any]
GATEWAY = "gateway"
_LOOK_S = 0.1
_OWN = {  # of a component of an InferenceService, beside a pod's
    *("minReplicas", "maxReplicas", "timeout", "containerConcurrency", "deploymentStrategy"),
    *("scaleMetric", "scaleTarget"),
}


@contextmanager
def defined(version: str, kind: str, plural: str) -> Iterator[None]:
    """A custom resource that takes anything, and has a status."""
    group, _, release = version.partition("/")
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    made = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [
                {
                    "name": release,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": anything},
                    "subresources": {"status": {}},
                }
            ],
        },
    }
    extensions = client.ApiextensionsV1Api()
    extensions.create_custom_resource_definition(made)
    try:
        while not _is_offered(extensions, f"{plural}.{group}"):
            threading.Event().wait(_LOOK_S)
        yield
    finally:
        extensions.delete_custom_resource_definition(f"{plural}.{group}")


def _is_offered(extensions: Any, name: str) -> bool:
    found = extensions.read_custom_resource_definition(name).status.conditions or ()
    return any(each.type == "Established" and each.status == "True" for each in found)


class FakeController:
    """Acts on each new resource of a kind until it is stopped."""

    def __init__(self, version: str, plural: str) -> None:
        self.group, _, self.release = version.partition("/")
        self.plural = plural
        self.failed: BaseException | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._act, daemon=True)
        self._custom, self._apps = client.CustomObjectsApi(), client.AppsV1Api()
        self._core = client.CoreV1Api()

    def __enter__(self) -> FakeController:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self.failed is not None:
            raise self.failed

    def _act(self) -> None:
        try:
            while not self._over.wait(_LOOK_S):
                every = self._custom.list_cluster_custom_object(
                    self.group, self.release, self.plural
                )
                for made in every["items"]:
                    with suppress(ApiException):  # of what is gone meanwhile
                        self._reconcile(made)
        except BaseException as error:
            self.failed = error

    def _reconcile(self, made: Json) -> None:
        name, namespace = made["metadata"]["name"], made["metadata"]["namespace"]
        deployment = f"{name}-predictor"
        if "deletionTimestamp" in made["metadata"]:
            return
        try:
            found = self._apps.read_namespaced_deployment(deployment, namespace)
        except ApiException as error:
            if error.status != 404:
                raise
            self._deploy(made, deployment)
            return
        if (found.status.available_replicas or 0) >= found.spec.replicas and "status" not in made:
            serves = {"conditions": [{"type": "Ready", "status": "True"}], "state": "Available"}
            status = {"status": serves}
            self._custom.patch_namespaced_custom_object_status(
                self.group, self.release, namespace, self.plural, name, status
            )

    def _deploy(self, made: Json, name: str) -> None:
        about, namespace = made["metadata"], made["metadata"]["namespace"]
        owner = {
            "apiVersion": made["apiVersion"],
            "kind": made["kind"],
            "name": about["name"],
            "uid": about["uid"],
            "controller": True,
        }
        place = {"name": name, "ownerReferences": [owner]}
        spec, labels, replicas = pods_of(made)
        own = {**labels, "controller": name}
        self._apps.create_namespaced_deployment(
            namespace,
            {
                "metadata": place,
                "spec": {
                    "replicas": replicas,
                    "selector": {"matchLabels": {"controller": name}},
                    "template": {"metadata": {"labels": own}, "spec": spec},
                },
            },
        )
        port = spec["containers"][0]["ports"][0]["containerPort"]
        behind = {"selector": {"controller": name}, "ports": [{"port": 80, "targetPort": port}]}
        if made["kind"] == "SeldonDeployment":
            place = {**place, "name": f"{about['name']}-default"}
            behind["ports"] = [{"port": port}]
        if made["kind"] != "Service":
            self._core.create_namespaced_service(namespace, {"metadata": place, "spec": behind})
            return
        there = f"{GATEWAY}.{namespace}.svc.cluster.local"
        alias = {"type": "ExternalName", "externalName": there}
        for service, how in ((GATEWAY, behind), (about["name"], alias)):
            place = {"name": service, "ownerReferences": [owner]}
            self._core.create_namespaced_service(namespace, {"metadata": place, "spec": how})


def pods_of(made: Json) -> tuple[Json, Json, int]:
    """(the pod that a resource describes, its labels, how many of it)."""
    if made["kind"] == "InferenceService":
        part = made["spec"]["predictor"]
        spec = {name: value for name, value in part.items() if name not in _OWN}
        return spec, made["metadata"]["labels"], part["minReplicas"]
    if made["kind"] == "SeldonDeployment":
        (predictor,) = made["spec"]["predictors"]
        (part,) = predictor["componentSpecs"]
        return part["spec"], part["metadata"]["labels"], predictor["replicas"]
    template = made["spec"]["template"]
    own = {"containerConcurrency", "timeoutSeconds"}
    spec = {name: value for name, value in template["spec"].items() if name not in own}
    replicas = template["metadata"]["annotations"]["autoscaling.knative.dev/min-scale"]
    return spec, template["metadata"]["labels"], int(replicas)
