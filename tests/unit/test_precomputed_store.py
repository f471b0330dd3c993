"""The store of the precomputed answers: what is corrupt, of another model, or can't be written."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from harness.base import paths

FOLDER = paths.PROJECT / "servers" / "precomputed"
ANSWERS = [(bytes([number]) * 16, json.dumps({"label": str(number)}).encode()) for number in (1, 2)]


class Modules(NamedTuple):
    """Of the server, whose folder is on no path."""

    keys: ModuleType
    store: ModuleType


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Modules]:
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    import keys  # type: ignore[import-not-found]
    import sqlite_store  # type: ignore[import-not-found]

    yield Modules(keys, sqlite_store)
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(FOLDER)):
            del sys.modules[name]


@pytest.fixture
def store(server: Modules, tmp_path: Path) -> Any:
    return server.store.SqliteStore(tmp_path / "answers")


def about(server: Modules, version: int = 1, model: str = "some") -> Any:
    return server.keys.About(model, version, "/artefact")


async def opened(store: Any) -> Any:
    return await store.open(await store.current())


def files(tmp_path: Path) -> list[str]:
    found = (path.name for path in (tmp_path / "answers").iterdir())
    return sorted(name for name in found if not name.endswith(("-wal", "-shm")))


def test_what_was_written_is_found_and_misses_are_kept(server: Modules, store: Any) -> None:
    assert store.write(about(server), ANSWERS) > 0

    async def use() -> None:
        answers = await opened(store)
        (key, answer), other = ANSWERS[0], b"\3" * 16
        assert await answers.get([key, other]) == [answer, None]
        await answers.keep([(other, b"3")])
        assert await answers.get([other, key]) == [b"3", answer]
        await answers.discard()

    asyncio.run(use())


def test_a_swap_leaves_the_old_store_to_those_who_read_it(
    server: Modules, store: Any, tmp_path: Path
) -> None:
    store.write(about(server), ANSWERS)
    (key, answer), new = ANSWERS[0], (ANSWERS[0][0], b'"new"')

    async def use() -> None:
        old = await opened(store)
        # Another process's, as the job's is: its file has another name.
        store.write(about(server, 2), [new])
        swapped = await opened(store)
        assert await old.get([key]) == [answer]
        assert await swapped.get([key]) == [b'"new"']
        await old.discard()
        assert await swapped.get([key]) == [b'"new"']
        await swapped.discard()

    asyncio.run(use())
    assert files(tmp_path) == ["current.json"]


def test_without_a_store_it_says_what_makes_one(store: Any) -> None:
    with pytest.raises(Exception, match=r"There is no store in .*: the batch job makes it"):
        asyncio.run(store.current())


def test_a_corrupt_store_is_refused(server: Modules, store: Any, tmp_path: Path) -> None:
    store.write(about(server), ANSWERS)
    (path,) = (tmp_path / "answers").glob("*.sqlite")
    path.write_bytes(path.read_bytes()[:700] + b"\xff" * 3000)
    with pytest.raises(server.keys.StoreError, match=r"it is corrupt\. Run the batch job again"):
        asyncio.run(opened(store))
    path.unlink()
    with pytest.raises(server.keys.StoreError, match="is missing: the batch job is to be run"):
        asyncio.run(opened(store))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"store": "x"}', '{"store": "x", "odd": 1}'])
def test_a_pointer_that_is_none(server: Modules, store: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / "answers" / "current.json").write_text(text)
    with pytest.raises(server.keys.StoreError, match="does not say which store is served"):
        asyncio.run(opened(store))


def test_a_store_under_the_name_of_another(server: Modules, store: Any, tmp_path: Path) -> None:
    store.write(about(server), ANSWERS)
    (first,) = (tmp_path / "answers").glob("*.sqlite")
    store.write(about(server, model="other"), ANSWERS)
    (second,) = set((tmp_path / "answers").glob("*.sqlite")) - {first}
    first.replace(second)
    with pytest.raises(server.keys.StoreError, match="is another one than its name says"):
        asyncio.run(opened(store))


def test_answers_of_another_model_or_version_are_not_served(server: Modules) -> None:
    own = about(server)
    server.keys.require(own, about(server))
    with pytest.raises(server.keys.StoreError, match=r"answers of version 1 .*, not of version 2"):
        server.keys.require(own, about(server, 2))
    with pytest.raises(server.keys.StoreError, match="answers of another model"):
        server.keys.require(own, about(server, model="other"))


def test_a_disk_that_fills_up_leaves_the_store_before(
    server: Modules, store: Any, tmp_path: Path
) -> None:
    store.write(about(server), ANSWERS)
    before = files(tmp_path)

    def fills_up() -> Iterator[tuple[bytes, bytes]]:
        yield ANSWERS[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(server.keys.StoreError, match=r"can't be written: .*No space left"):
        server.store.SqliteStore(tmp_path / "answers").write(about(server, 2), fills_up())
    assert files(tmp_path) == before
    assert asyncio.run(opened(store)).about.version == 1


def test_equal_instances_have_one_key(server: Modules) -> None:
    key_of = server.keys.key_of
    assert key_of({"a": 1, "b": [1.5]}) == key_of({"b": [1.5], "a": 1})
    assert key_of("a") != key_of("b")
    assert len(key_of("\ud800")) == 16, "a lone surrogate is an instance, too"


def test_a_digest_is_of_names_and_contents(server: Modules, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = server.keys.digest_of(tmp_path)
    assert server.keys.digest_of(tmp_path) == first
    (tmp_path / "a").rename(tmp_path / "b")
    assert server.keys.digest_of(tmp_path) != first
