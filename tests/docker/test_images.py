"""Images are built once, say which line failed, and hold nothing that they should not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace

import pytest
from docker import DockerClient

from harness.base import paths
from harness.base.errors import ProvisionError
from harness.measure.launch.containers import engine as engines
from harness.measure.launch.containers import images
from harness.measure.launch.containers.images import Image
from harness.setup import catalog
from tests.system.sandbox import Sandbox

pytestmark = [
    pytest.mark.slow,
    # The SDK leaves the answer of a failed pull open.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
Ensure = Callable[[], Image]


@pytest.fixture
def ensure(sandbox: Sandbox, engine: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Ensure:
    """The image of the sandbox's fake server, which needs no package index."""
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)
    artefact = sandbox.root / "artefact"
    artefact.mkdir()

    def made() -> Image:
        variant = replace(catalog.variants()["_fake"], launcher="docker")
        return images.ensure(engine, variant, catalog.benchmarks()["noop"], artefact)

    return made


def test_it_is_built_once_and_anew_where_a_file_changes(sandbox: Sandbox, ensure: Ensure) -> None:
    app = sandbox.servers / "_fake" / "app.py"
    app.write_text(app.read_text() + f"# of {sandbox.root}\n")
    first = ensure().facts
    assert first.build_s is not None
    assert first.steps > 10
    assert ensure().facts == first
    app.write_text(app.read_text() + "# changed\n")
    second = ensure().facts
    assert second.tag != first.tag
    assert second.steps_reused >= first.steps - 2  # all but the code, and the labels after it
    assert second.size_bytes >= first.size_bytes


def test_a_loaded_image_is_used_and_nothing_is_made_up_of_its_build(ensure: Ensure) -> None:
    made = ensure()
    for kept in (paths.cache_dir() / "images").glob("*.json"):
        kept.unlink()
    found = ensure()
    assert (found.facts.id, found.facts.build_s, found.facts.steps) == (made.facts.id, None, 0)
    assert found.versions == made.versions


def test_it_survives_save_and_load(ensure: Ensure, engine: DockerClient) -> None:
    made = ensure().facts
    archive = b"".join(engine.images.get(made.tag).save(named=made.tag))
    engine.images.remove(made.tag, force=True)
    engine.images.load(archive)
    assert ensure().facts.id == made.id


def test_no_build_tool_and_no_root_in_it(ensure: Ensure, engine: DockerClient) -> None:
    image = engine.images.get(ensure().facts.tag)
    assert image.attrs["Config"]["User"] == "10001"
    found = engine.containers.run(
        image.tags[0], ["sh", "-c", "ls -d /environment; command -v uv gcc make; true"], remove=True
    )
    assert found == b""


def test_a_failing_step_is_named_with_the_end_of_its_log(sandbox: Sandbox, ensure: Ensure) -> None:
    broken = sandbox.servers / "_fake" / "Dockerfile"
    lines = ["ARG BASE", "FROM ${BASE}", "RUN echo well", "RUN echo not to be found; exit 7"]
    broken.write_text("# Broken on purpose.\n" + "\n".join(lines) + "\n")
    with pytest.raises(ProvisionError) as caught:
        ensure()
    said = str(caught.value)
    assert "Dockerfile, line 5 (RUN echo not to be found; exit 7): " in said
    assert "returned a non-zero code: 7" in said
    assert said.endswith("not to be found")


def test_a_base_that_can_t_be_had_is_named(ensure: Ensure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_BASE_IMAGE", "127.0.0.1:9/no/such:image")
    with pytest.raises(ProvisionError) as caught:
        ensure()
    said = str(caught.value)
    assert "The base image 127.0.0.1:9/no/such:image is not on this machine" in said
    assert "can't be pulled" in said
    assert "HARNESS_BASE_IMAGE" in said


def test_clean_removes_what_is_labelled_and_nothing_else(
    ensure: Ensure, engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = "org.example.clean"  # in the place of the real one: other tests go on with those images
    for module in (engines, images):
        monkeypatch.setattr(module, "LABEL", label)
    monkeypatch.setenv("HARNESS_BASE_IMAGE", _another_base(engine))
    tag = ensure().facts.tag
    engine.images.get(tag).tag("somebody-else/theirs", "1")
    ours = engine.networks.create("harness-test-ours", labels={label: "network"})
    theirs = engine.networks.create("harness-test-theirs")
    try:
        said = list(engines.clean(engine, dry_run=False))
        assert said == [f"image {tag}", "network harness-test-ours"]
        assert engine.images.list(name=tag) == []
        assert engine.images.get("somebody-else/theirs:1")
        names = {network.name for network in engine.networks.list()}
        assert (ours.name in names, theirs.name in names) == (False, True)
    finally:
        theirs.remove()
        engine.images.remove("somebody-else/theirs:1", force=True)
        engine.images.remove("harness-test-base:1", force=True)


def _another_base(engine: DockerClient) -> str:
    """The base under another name and id, so that its images are nobody else's."""
    base = os.environ.get("HARNESS_BASE_IMAGE", images.BASE)
    container = engine.containers.create(base, command=["true"])
    container.commit("harness-test-base", "1")
    container.remove()
    return "harness-test-base:1"
