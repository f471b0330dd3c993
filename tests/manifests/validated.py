"""Whether whoever takes a manifest would: Kubernetes by its own schemas, controllers by the fields
that they document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from tests.manifests import documented
from tests.manifests.documented import MODELS

Manifest = dict[str, Any]
_KSERVE = json.loads(Path(__file__).with_name("kserve-0.21.0.json").read_text("utf-8"))["models"]
_PLAIN = {"str": str, "int": int, "bool": bool}
VERSIONS = sorted(
    {
        place.name.removeprefix("v").partition("-")[0].rpartition(".")[0]
        for place in (
            Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
        ).iterdir()
    },
    key=lambda version: int(version.partition(".")[2]),
)
NEWEST = VERSIONS[-1]


def validate(made: Manifest, versions: tuple[str, ...] = (NEWEST,)) -> None:
    """Raises for what would be refused, or ignored as unknown."""
    place = (made["apiVersion"], made["kind"])
    if place == ("serving.kserve.io/v1beta1", "InferenceService"):
        assert list(unknown_to_kserve(made, "V1beta1InferenceService")) == []
    elif place in MODELS:
        MODELS[place].model_validate(made)
        if place == ("ray.io/v1", "RayService"):
            served = yaml.safe_load(made["spec"]["serveConfigV2"])
            documented.RayServe.model_validate(served)
    else:
        for version in versions:
            kubernetes_validate.validate(made, version, strict=True)
        return
    for pod in pods_in(made):
        for version in versions:
            kubernetes_validate.validate(pod, version, strict=True)


def unknown_to_kserve(made: Any, model: str, path: str = "$") -> Iterator[str]:
    """Keys that a model of KServe's own package does not have, and values of another type."""
    fields = _KSERVE.get(model)
    if fields is None:
        if model in _PLAIN and not isinstance(made, _PLAIN[model]):
            yield f"{path}: {made!r} is no {model}"
        return
    for key, value in made.items():
        if key not in fields:
            yield f"{path}.{key}: unknown to {model}"
        else:
            yield from unknown_to_kserve(value, fields[key], f"{path}.{key}")


def pods_in(made: Manifest) -> Iterator[Manifest]:
    """The pods that a custom resource describes, as they are in it."""
    spec = made["spec"]
    match made["kind"]:
        case "InferenceService":
            own = {
                *("minReplicas", "maxReplicas", "timeout", "scaleMetric", "scaleTarget"),
                *("containerConcurrency", "deploymentStrategy"),
            }
            for part in spec.values():
                yield pod({name: value for name, value in part.items() if name not in own})
        case "Service":
            own = {"containerConcurrency", "timeoutSeconds"}
            found = spec["template"]["spec"]
            yield pod({name: value for name, value in found.items() if name not in own})
        case "SeldonDeployment":
            yield from (pod(part["spec"]) for part in spec["predictors"][0]["componentSpecs"])
        case "RayService":
            cluster = spec["rayClusterConfig"]
            for group in (cluster["headGroupSpec"], *cluster.get("workerGroupSpecs", ())):
                yield pod(group["template"]["spec"])


def pod(spec: Manifest) -> Manifest:
    """A Pod of that spec."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}
