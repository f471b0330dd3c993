"""BentoML on Kubernetes by Yatai: a Bento, and the BentoDeployment that runs it.

Fields: bentoml/yatai-image-builder, apis/resources/v1alpha1/bento_types.go, and
bentoml/yatai-deployment, apis/serving/v2alpha1/bentodeployment_types.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.manifests import pod_template
from harness.manifests.apis import Manifest
from harness.manifests.kinds import (
    CustomKind,
    ManifestKind,
    ManifestOrder,
    ServicePlace,
    manifest_kind,
    ready_by,
)

PORT = 3000  # of what Yatai starts
_CONTAINER = "main"


@manifest_kind("bento")
class BentoDeployment(ManifestKind):
    """A service of BentoML, without runners."""

    about = "Bento and BentoDeployment of Yatai"
    custom = CustomKind(
        version="serving.yatai.ai/v2alpha1", kind="BentoDeployment", controller="Yatai"
    )

    def why_not(self, order: ManifestOrder) -> str | None:
        server = order.workload.server
        if server is None or server.package != "bentoml":
            return "a BentoDeployment runs services of BentoML"
        return None

    def manifests(self, order: ManifestOrder) -> list[Manifest]:
        bento = {
            "apiVersion": "resources.yatai.ai/v1alpha1",
            "kind": "Bento",
            "metadata": order.about(),
            "spec": {
                "tag": f"{order.name}:{_tag(order.workload.image)}",
                "image": order.workload.image,
                "serviceName": order.workload.command[2] if order.workload.command else "",
            },
        }
        deployment = {
            "apiVersion": "serving.yatai.ai/v2alpha1",
            "kind": "BentoDeployment",
            "metadata": order.about(),
            "spec": _deployment(order),
        }
        return [bento, deployment]

    def notes(self, order: ManifestOrder) -> tuple[str, ...]:  # noqa: ARG002
        return (
            "Yatai starts what `bentoml containerize` made: build a Bento of servers/bentoml with "
            "`bentoml build`, and name its image by --image.",
            "Yatai's last release was in 2023; BentoML's own guide deploys to its cloud.",
        )

    def container(self, order: ManifestOrder) -> str:  # noqa: ARG002
        return _CONTAINER

    def places(self, order: ManifestOrder) -> tuple[ServicePlace, ...]:
        return (ServicePlace(name=order.name, port=PORT, pod_port=PORT),)

    def readiness(self, status: Mapping[str, Any]) -> tuple[bool, str]:
        return ready_by("Available", status)


def _tag(image: str) -> str:
    """A Bento's version: the tag of its image."""
    last = image.partition("@")[0].rpartition("/")[2]
    return last.partition(":")[2] or "latest"


def _deployment(order: ManifestOrder) -> dict[str, Any]:
    workload = order.workload
    wanted = {"cpu": pod_template.cpu_quantity(workload.cpus), "memory": f"{workload.memory_mib}Mi"}
    made: dict[str, Any] = {
        "bento": order.name,
        "ingress": {"enabled": False},
        "envs": pod_template.variables(workload),
        "resources": {"requests": dict(wanted), "limits": wanted},
        "autoscaling": {"minReplicas": order.least, "maxReplicas": order.most},
        "extraPodMetadata": {"labels": pod_template.labels(workload)},
    }
    if order.scaling:
        target = {"type": "Utilization", "averageUtilization": order.scaling.cpu_percent}
        metric = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
        made["autoscaling"]["metrics"] = [metric]
    return made
