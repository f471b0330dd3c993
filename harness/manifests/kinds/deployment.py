"""What every cluster runs: a Deployment, its Service, and what keeps it available."""

from __future__ import annotations

from harness.manifests import objects
from harness.manifests.apis import Manifest
from harness.manifests.kinds import PLAIN, ManifestKind, ManifestOrder, manifest_kind


@manifest_kind(PLAIN)
class PlainDeployment(ManifestKind):
    """Without custom resources."""

    about = "Deployment, Service and PodDisruptionBudget; HorizontalPodAutoscaler where it scales"

    def manifests(self, order: ManifestOrder) -> list[Manifest]:
        workload, scaling = order.workload, order.scaling
        made = [
            objects.deployment(workload),
            objects.service(workload),
            objects.budget(workload),
        ]
        if scaling:
            # The autoscaler's alone from then on: else each `apply` would set it back.
            made[0]["spec"].pop("replicas")
            made.append(
                objects.autoscaler(
                    workload,
                    least=scaling.least,
                    most=scaling.most,
                    cpu_percent=scaling.cpu_percent,
                )
            )
        if order.namespace:
            for each in made:
                each["metadata"]["namespace"] = order.namespace
        return made
