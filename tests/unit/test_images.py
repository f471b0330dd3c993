"""What goes into an image, what its name follows, and the sentence where it can't be built."""

from __future__ import annotations

import io
import tarfile
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.base.errors import ProvisionError
from harness.measure.launch.containers import context, images
from harness.measure.launch.containers.context import Context
from harness.measure.prepare import environments
from harness.setup import catalog

DOCKERFILE = """\
# A comment.
ARG BASE=some
FROM ${BASE}
RUN echo one \\
    && echo two
COPY a /b
"""
LOG = ["Step 1/4 : ARG BASE", "Step 2/4 : FROM ${BASE}", " ---> 123", "Step 3/4 : RUN echo one"]

Settings = Callable[..., None]


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """pip's settings, as they are to be."""

    def settings(**values: list[str]) -> None:
        found = {name.replace("_", "-"): value for name, value in values.items()}
        monkeypatch.setattr(environments, "pip_settings", lambda: found)

    settings()
    return settings


def made(variant: str, artefact: Path, benchmark: str = "sentiment") -> Context:
    return context.of(catalog.variants()[variant], catalog.benchmarks()[benchmark], artefact)


def uv_settings(found: Context) -> dict[str, object]:
    content = found.files["environment/uv.toml"]
    assert isinstance(content, bytes)
    return dict(tomllib.loads(content.decode())["pip"])


def test_it_has_model_predictor_server_and_lock_and_no_more(tmp_path: Path, pip: Settings) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")
    files = made("fastapi", tmp_path).files
    assert files["app/artefact/model.onnx"] == tmp_path / "model.onnx"
    server = sorted(name for name in files if name.startswith("app/servers/fastapi/"))
    assert server == ["app/servers/fastapi/app.py", "app/servers/fastapi/per_request.py"]
    assert "app/benchmarks/sentiment/predictor.py" in files
    assert "app/benchmarks/sentiment/predictor_torch.py" not in files
    assert "app/servers/shared/serving.py" in files
    lock = catalog.servers()["fastapi"].lock("onnx").read_bytes()
    assert files["environment/requirements.txt"] == lock


def test_the_name_follows_every_file_and_the_base(tmp_path: Path, pip: Settings) -> None:
    found = made("flask-gunicorn", tmp_path)
    names = {found.digest("base"), found.digest("other base")}
    for name, content in found.files.items():
        if isinstance(content, bytes):
            names.add(Context({**found.files, name: content + b"x"}).digest("base"))
    (tmp_path / "model").write_bytes(b"1")
    names.add(made("flask-gunicorn", tmp_path).digest("base"))
    (tmp_path / "model").write_bytes(b"2")
    names.add(made("flask-gunicorn", tmp_path).digest("base"))
    assert len(names) == 4 + sum(isinstance(c, bytes) for c in found.files.values())
    assert found.digest("base") == made("flask-gunicorn", tmp_path / "nothing").digest("base")


def test_the_archive_is_the_same_for_the_same_files(tmp_path: Path, pip: Settings) -> None:
    archives = []
    for _ in range(2):
        file = io.BytesIO()
        made("mosec", tmp_path).write(file)
        archives.append(file.getvalue())
    assert archives[0] == archives[1]
    with tarfile.open(fileobj=io.BytesIO(archives[0])) as archive:
        modes = {entry.name: entry.mode for entry in archive}
        owners = {(entry.uid, entry.uname) for entry in archive}
    assert (modes["environment/uv"], modes["Dockerfile"]) == (0o755, 0o644)
    assert owners == {(0, "")}


def test_wheels_that_lie_outside_are_handed_in(tmp_path: Path, pip: Settings) -> None:
    lock = catalog.servers()["fastapi"].lock("torch").read_text()
    wheel = f"torch-{environments.torch_version(lock)}+cpu-cp311-cp311-linux_x86_64.whl"
    for name in (wheel, "torch-0.1-cp311-cp311-linux_x86_64.whl", "other-1-py3-none-any.whl"):
        (tmp_path / name).write_bytes(b"wheel")
    pip(find_links=[f"file://{tmp_path}", "https://example.org/links"])
    found = made("fastapi-torch", tmp_path / "none")
    links = [name for name in found.files if name.endswith(".whl")]
    assert links == [f"environment/links/{wheel}"]
    assert "torch-backend" not in uv_settings(found)


def test_without_such_a_wheel_torch_is_the_build_for_cpus(tmp_path: Path, pip: Settings) -> None:
    assert uv_settings(made("fastapi-torch", tmp_path))["torch-backend"] == "cpu"
    assert "torch-backend" not in uv_settings(made("fastapi", tmp_path))


def test_the_index_is_the_same_as_outside(tmp_path: Path, pip: Settings) -> None:
    pip(index_url=["https://example.org/simple"], extra_index_url=["file:///x", "https://two/s"])
    found = uv_settings(made("fastapi", tmp_path))
    assert found["index-url"] == "https://example.org/simple"
    assert found["extra-index-url"] == ["https://two/s"]


def test_a_password_never_gets_into_a_layer(tmp_path: Path, pip: Settings) -> None:
    pip(index_url=["https://me:hunter2@example.org/simple"])
    with pytest.raises(ProvisionError) as caught:
        made("fastapi", tmp_path)
    assert "holds a password" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_server_may_build_on_an_image_of_its_own(tmp_path: Path, pip: Settings) -> None:
    variant = catalog.variants()["tensorflow-serving"]
    assert images.base_of(variant).startswith("tensorflow/serving:")
    assert variant.server.dockerfile == variant.server.folder / "Dockerfile"


def test_the_base_is_an_official_one_or_the_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variant = replace(catalog.variants()["fastapi"], launcher="docker")
    assert images.base_of(variant) == "python:3.11-slim-bookworm"
    monkeypatch.setenv("HARNESS_BASE_IMAGE", "mine:1")
    assert images.base_of(variant) == "mine:1"


def test_a_failed_build_names_the_line_and_ends_with_the_log() -> None:
    log = [*LOG, "one", "No matching distribution found"]
    said = images.failure("The image of x", "servers/Dockerfile", DOCKERFILE, log, "returned 1.")
    assert said == (
        "The image of x can't be built: servers/Dockerfile, line 4 (RUN echo one): returned 1. "
        "The end of its log: one No matching distribution found"
    )


def test_a_build_that_does_not_begin_says_so() -> None:
    said = images.failure("The image of x", "Dockerfile", "FRUM x", [], "unknown instruction")
    assert said == "The image of x can't be built from Dockerfile: unknown instruction"


def test_a_full_disk_is_said_and_what_frees_it() -> None:
    error = "write /opt/venv/x: no space left on device"
    said = images.failure("The image of x", "Dockerfile", DOCKERFILE, LOG, error)
    assert "keeps its images is full" in said
    assert "python -m harness clean" in said


def test_a_context_that_can_t_be_written_is_not_the_engine_s_fault(
    tmp_path: Path, pip: Settings
) -> None:
    found = Context({"Dockerfile": tmp_path / "gone"})
    with pytest.raises(ProvisionError, match="its files can't be put together in"):
        images._put_together(found, io.BytesIO(), "The image of x")
