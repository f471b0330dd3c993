"""Of campaigns that are stored already the harness says what it always said: see `said.py`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.golden.plain import SENTENCE, differences, plain
from tests.golden.said import COMPARED, HISTORIES, SAID, Said, names
from tests.system.conftest import kept

FEW = 40  # differences that are shown


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Said]:
    boxes = kept(tmp_path_factory.mktemp("said"))
    yield Said.of_all(next(boxes))
    next(boxes, None)


def require_as_it_was(name: str, now: Any) -> None:
    path = SAID / f"{name}.json"
    if os.environ.get("RENEW_GOLDEN"):
        path.write_text(f"{json.dumps(now, indent=0, sort_keys=True)}\n")
    then = json.loads(path.read_text())
    found = list(differences(then, now))
    assert not found, "\n".join([f"{len(found)} differences", *found[:FEW]])


@pytest.mark.parametrize("name", names())
def test_of_a_campaign(said: Said, name: str) -> None:
    require_as_it_was(f"campaign-{name}", said.of_campaign(name))


@pytest.mark.parametrize("name", COMPARED)
def test_of_two_campaigns_or_revisions(said: Said, name: str) -> None:
    require_as_it_was(f"compare-{name}", said.of_compared(name))


@pytest.mark.parametrize("name", HISTORIES)
def test_of_all_nights(said: Said, name: str) -> None:
    require_as_it_was(name, said.of_history(name))


def test_nothing_is_kept_that_nobody_compares() -> None:
    asked = {f"campaign-{name}" for name in names()}
    asked |= {f"compare-{name}" for name in COMPARED} | set(HISTORIES)
    assert {path.stem for path in SAID.iterdir()} == asked


def test_values_are_compared_and_wording_is_not() -> None:
    then = plain({"p50": 1.5, "ok": True, "note": "Slow.", "notes": ["a", "b"], "rows": [1, None]})
    assert then["note"] == SENTENCE
    same = {"p50": 1.5 + 1e-12, "ok": True, "note": "Late.", "notes": ["c", "d"], "rows": [1, None]}
    assert not list(differences(then, plain({**same, "more": 7})))
    for other in (
        {"p50": 1.5 + 1e-6},
        {"ok": 1},
        {"note": None},
        {"note": ""},
        {"notes": ["c"]},
        {"rows": [1, 0]},
        {"rows": [1, None, 2]},
    ):
        assert len(list(differences(then, plain({**same, **other})))) == 1
    assert list(differences(then, {})) == [f"/{key} is gone" for key in then]
