"""What a training Job does in its pod: benchmarks/training/train.py."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.manifests import training
from harness.measure.launch.kubernetes.training_image import FOLDER

DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "served", "uid": "u-1", "labels": {"a": "b"}},
    "spec": {"template": {"spec": {"containers": [{"name": "served"}, {"name": "beside"}]}}},
}
BUILD = """\
import os, pathlib, sys
made = pathlib.Path(sys.argv[1])
made.joinpath("deep").mkdir()
made.joinpath("deep", "model").write_text(os.environ["HARNESS_ARTEFACT_VERSION"])
made.joinpath("facts.json").write_text('{"accuracy": 0.9}')
print("built")
"""


class Api:
    """An API server that remembers what it was asked."""

    def __init__(self, deployment: dict[str, Any]) -> None:
        self.namespace = "ours"
        self.asked: list[tuple[str, str, Any, str]] = []
        self._deployment = deployment
        self.failure: Exception | None = None

    def ask(self, method: str, path: str, body: object = None, kind: str = "json") -> Any:
        self.asked.append((method, path, body, kind))
        if method == "POST" and self.failure is not None:
            raise self.failure
        return self._deployment


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program, its image's folders in a temporary one."""
    spec = importlib.util.spec_from_file_location("train_job", FOLDER / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "build.py").write_text(BUILD)
    monkeypatch.setattr(module, "APP", tmp_path)
    monkeypatch.setenv("HARNESS_DEPLOYMENT", "served")
    monkeypatch.setenv("HARNESS_ARTEFACT", "/app/artefact")
    monkeypatch.delenv("HARNESS_ACCURACY_AT_LEAST", raising=False)
    return module


def run(job: ModuleType, monkeypatch: pytest.MonkeyPatch, api: Api) -> int:
    monkeypatch.setattr(job, "Cluster", lambda: api)
    return int(job.main())


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_the_next_version_becomes_a_config_map_that_new_pods_mount(
    job: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Api(DEPLOYMENT)
    assert run(job, monkeypatch, api) == 0
    (_, path, _, _), (_, maps, made, _), (method, patched, patch, kind) = api.asked
    assert path == patched == "/apis/apps/v1/namespaces/ours/deployments/served"
    assert (method, kind) == ("PATCH", "strategic-merge-patch+json")
    assert maps == "/api/v1/namespaces/ours/configmaps"
    assert made["metadata"]["name"] == "served-model-2"
    assert made["metadata"]["ownerReferences"][0]["uid"] == "u-1"
    assert made["immutable"] is True
    pod = patch["spec"]["template"]["spec"]
    (volume,) = pod["volumes"]
    places = {each["path"]: each["key"] for each in volume["configMap"]["items"]}
    assert sorted(places) == ["deep/model", "facts.json"]
    assert base64.b64decode(made["binaryData"][places["deep/model"]]) == b"2"
    (container,) = pod["containers"]
    assert container["name"] == "served"
    assert container["volumeMounts"][0]["mountPath"] == "/app/artefact"
    assert patch["spec"]["template"]["metadata"]["annotations"] == {training.VERSION: "2"}
    found = told(capsys)
    assert (found["version"], found["accuracy"], found["failure"]) == (2, 0.9, "")
    assert found["trained_s"] > 0


def test_the_version_after_the_one_that_is_served(
    job: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served = {"annotations": {training.VERSION: "7"}}
    deployment = {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], **served}}
    assert run(job, monkeypatch, Api(deployment)) == 0
    assert told(capsys)["version"] == 8


def test_a_second_try_of_the_same_job_goes_on(
    job: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Api(DEPLOYMENT)
    api.failure = job.Conflict()
    assert run(job, monkeypatch, api) == 0
    assert [method for method, *_ in api.asked] == ["GET", "POST", "PATCH"]


@pytest.mark.parametrize(
    ("build", "least", "said"),
    [
        ("raise SystemExit('no data today')", "", "exit code 1: no data today"),
        (BUILD, "0.95", "held-out accuracy is 0.9, below 0.95"),
        (
            "import pathlib, sys\npathlib.Path(sys.argv[1], 'm').write_bytes(bytes(3 << 19))",
            "",
            "the model has 1.5 MiB, and a ConfigMap holds 1 MiB",
        ),
    ],
)
def test_a_model_that_is_not_to_be_served_changes_nothing(
    job: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    build: str,
    least: str,
    said: str,
) -> None:
    (job.APP / "build" / "build.py").write_text(build)
    if least:
        monkeypatch.setenv("HARNESS_ACCURACY_AT_LEAST", least)
    api = Api(DEPLOYMENT)
    assert run(job, monkeypatch, api) == 1
    assert [method for method, *_ in api.asked] == ["GET"]
    assert said in told(capsys)["failure"]


def test_a_right_that_it_lacks_is_said(
    job: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Api(DEPLOYMENT)
    api.failure = job.Failed("the API server refuses to POST configmaps: forbidden")
    assert run(job, monkeypatch, api) == 1
    assert "forbidden" in told(capsys)["failure"]


def test_its_names_are_those_of_the_manifests(job: ModuleType) -> None:
    assert (job.VERSION, job.MODEL) == (training.VERSION, training.MODEL)
