"""`manifests`: what it prints and writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from harness.base.errors import UsageError
from harness.cli.manifests import command
from tests.manifests.orders import IMAGE
from tests.manifests.validated import validate


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_plain_objects_are_printed() -> None:
    done = ran("fastapi", "--image", IMAGE, "--replicas", "2", "--namespace", "serving")
    made = list(yaml.safe_load_all(done.stdout))
    assert [each["kind"] for each in made] == ["Deployment", "Service", "PodDisruptionBudget"]
    assert all(each["metadata"]["namespace"] == "serving" for each in made)
    assert made[0]["spec"]["replicas"] == 2
    assert "&id" not in done.stdout
    assert done.stderr == ""
    for each in made:
        validate(each)


def test_it_scales_where_it_is_told_to() -> None:
    done = ran("fastapi", "--image", IMAGE, "--most", "5", "--cpu-percent", "70")
    made = list(yaml.safe_load_all(done.stdout))
    assert "replicas" not in made[0]["spec"]
    assert made[-1]["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 70


def test_without_an_image_it_says_how_to_build_one(cache: Path) -> None:
    done = ran("fastapi", "--benchmark", "iris")
    assert "serving-harness/fastapi-onnx-iris:latest" in done.stdout
    assert "python -m harness images fastapi --benchmark iris" in done.stderr
    (cache / "images").mkdir(parents=True)
    (cache / "images" / "fastapi-onnx-iris-0123456789ab.json").touch()
    done = ran("fastapi", "--benchmark", "iris")
    assert "serving-harness/fastapi-onnx-iris:0123456789ab" in done.stdout
    assert done.stderr == ""


def test_tensors_are_declared_without_a_reference() -> None:
    done = ran("triton", "--benchmark", "iris", "--image", IMAGE)
    assert '"width": 4}, "outputs": {"label": "BYTES", "score": "FP64"}}' in done.stdout


def test_files_of_a_base_and_overlays(tmp_path: Path) -> None:
    done = ran("fastapi", "--image", IMAGE, "--out", str(tmp_path / "k8s"))
    written = {str(path.relative_to(tmp_path)) for path in (tmp_path / "k8s").rglob("*.yaml")}
    assert set(done.stdout.split()) == {str(tmp_path / each) for each in written}
    assert {"k8s/base/deployment.yaml", "k8s/overlays/gke/kustomization.yaml"} <= written
    done = ran(
        "flask-gunicorn", "--benchmark", "iris", "--kind", "bodywork", "--out", str(tmp_path)
    )
    assert (tmp_path / "bodywork.yaml").exists()
    assert done.stdout.split() == [str(tmp_path / "bodywork.yaml")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("null",), "null does not run in a container"),
        (("lambda-handler",), "lambda-handler can't serve sentiment in a cluster: lambda alone"),
        (("fastapi", "--kind", "kserve"), "it speaks json"),
        (("fastapi", "--kind", "helm"), "kind of manifest 'helm'"),
        (("fastapi", "--overlay", "kind", "--kind", "knative"), "--overlay goes with"),
        (("fastapi", "--overlay", "kind", "--out", "x"), "--overlay goes with"),
        (("fastapi", "--namespace", "My_Space"), "can't name a namespace"),
        (("fastapi", "--image", "a: b"), "can't name an image"),
        (("fastapi", "--cpu-percent", "70"), "--cpu-percent goes with --most"),
        (("fastapi", "--replicas", "3", "--most", "3"), "no more than --replicas 3"),
        (("precomputed-redis", "--kind", "knative"), "redis beside it keeps what it has"),
        (("flask-gunicorn", "--kind", "bodywork"), "starts from weights"),
    ],
)
def test_what_can_not_be_deployed(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ran(*arguments)


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    from harness.base.errors import StoreError

    (tmp_path / "base").touch()
    with pytest.raises(StoreError, match="can't be written"):
        ran("fastapi", "--image", IMAGE, "--out", str(tmp_path))
