"""Bodywork: `bodywork.yaml`, which trains in one stage and serves in the next.

No cluster takes it as an object: Bodywork clones a Git repository and runs the modules that the
file names. Fields: bodywork-ml/bodywork-core, src/bodywork/config.py.
"""

from __future__ import annotations

from harness.manifests.apis import Manifest
from harness.manifests.kinds import ManifestKind, ManifestOrder, SourceOrder, manifest_kind

STAGE = "scripts/bodywork_stage.py"
_IMAGE = "bodyworkml/bodywork-core:3.0"
_VERSION = "1.1"  # of the file
_STORE = {"ARTEFACT_STORE": "artefacts"}  # a variable, and the secret that has it
_TRAINING_S, _RETRIES = 600, 2
_TRAINING_MIB = 1024
# What differs where the project is a clone instead of an image.
_OF_IMAGES = ("PATH", "HOME", "TMPDIR", "USER", "PYTHONPATH", "LANG", "HARNESS_TRACE")


@manifest_kind("bodywork")
class BodyworkProject(ManifestKind):
    """A pipeline of two stages."""

    about = "bodywork.yaml: a stage that trains, and one that serves"

    def why_not(self, order: ManifestOrder) -> str | None:
        if order.source is None:
            return "Bodywork runs modules of a Git repository, and no image of one's own"
        if order.source.weights:
            return "its build starts from weights, which a stage of Bodywork does not get"
        if order.workload.beside:
            return "a stage of Bodywork is one container"
        return None

    def manifests(self, order: ManifestOrder) -> list[Manifest]:
        source = order.source
        assert source is not None
        pipeline = {
            "name": order.name,
            "docker_image": _IMAGE,
            "DAG": "train >> serve",
            "secrets_group": order.name,
            **({"namespace": order.namespace} if order.namespace else {}),
        }
        return [
            {
                "version": _VERSION,
                "pipeline": pipeline,
                "stages": {"train": _train(source), "serve": _serve(order, source)},
                "logging": {"log_level": "INFO"},
            }
        ]

    def notes(self, order: ManifestOrder) -> tuple[str, ...]:
        return (
            "Save it as bodywork.yaml in a clone of this project that Bodywork can reach.",
            "Stages share no volume: the secret tells where the model is kept, as in "
            f"`bodywork create secret --group {order.name} --name artefacts --data "
            "ARTEFACT_STORE=https://...`.",
        )


def _train(source: SourceOrder) -> Manifest:
    return {
        "executable_module_path": STAGE,
        "args": ["train", source.benchmark],
        "requirements": list(source.training),
        "cpu_request": 1.0,
        "memory_request_mb": _TRAINING_MIB,
        "secrets": dict(_STORE),
        "batch": {"max_completion_time_seconds": _TRAINING_S, "retries": _RETRIES},
    }


def _serve(order: ManifestOrder, source: SourceOrder) -> Manifest:
    workload = order.workload
    told = [f"{n}={v}" for n, v in workload.environment.items() if n not in _OF_IMAGES]
    program, *arguments = workload.command
    command = [program.rpartition("/")[2], *arguments]
    return {
        "executable_module_path": STAGE,
        "args": ["serve", source.server, *told, "--", *command],
        "requirements": list(source.serving),
        "cpu_request": float(workload.cpus),
        "memory_request_mb": workload.memory_mib,
        "secrets": dict(_STORE),
        "service": {
            "max_startup_time_seconds": int(workload.ready_timeout_s),
            "replicas": order.least,
            "port": workload.port,
            "ingress": False,
        },
    }
