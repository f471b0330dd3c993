"""Variants by their launchers: the usual one, one that is named, and none that can be used."""

from __future__ import annotations

from typing import Any

import pytest

from harness.base.errors import NothingRan
from harness.cli import _select, _startable, list_
from harness.cli._asked import Asked
from harness.measure.launch.launchers import lambda_
from harness.setup import catalog, launching
from harness.setup.catalog import Variant
from harness.setup.launching import Launching
from harness.stored import plan
from harness.stored.identity import Subject

OPTIONS: dict[str, Any] = {"launchers": (), "device": "cpu"}


def _launched(text: str, *ways: str, usual: bool = False) -> list[str]:
    name, _, way = text.partition("@")
    found = _startable.launched(Asked(name, way or None), catalog.variants(), ways, usual=usual)
    return [variant.launcher for variant in found]


def _why_not(text: str, *ways: str) -> str | None:
    name, _, way = text.partition("@")
    (found,) = _startable.launched(Asked(name, way or None), catalog.variants(), ways)
    return plan.why_not(found, catalog.benchmarks()["noop"], "cpu")


def test_a_variant_with_launchers_of_its_own_comes_up_by_the_first() -> None:
    known = catalog.variants()["_function"]
    assert known.launcher == "lambda"
    assert known.subject == Subject("_function")
    assert _launched("_function", "process") == ["lambda"]
    assert _launched("_function", "process", "docker", usual=True) == ["lambda"]
    assert _why_not("_function", "process") is None


def test_a_launcher_that_is_named_is_meant() -> None:
    assert _launched("_function", "docker") == ["docker"]
    assert _launched("_function@process", "docker") == ["process"]
    assert _why_not("_function", "docker") == "lambda alone can start it, as _function"


def test_a_launcher_of_functions_starts_nothing_without_a_handler() -> None:
    assert _launched("_fake@lambda") == ["lambda"]
    assert _why_not("_fake@lambda") == (
        "lambda calls handlers, and it names none (`function` in server.toml)"
    )
    assert launching.of("lambda").handlers
    assert not Launching().handlers


def test_list_names_the_launchers_that_can_start_a_variant() -> None:
    known = catalog.variants()
    assert list_._comes_up_by(known["_function"], "lambda")
    assert not list_._comes_up_by(known["_function"], "process")
    assert not list_._comes_up_by(known["_fake"], "lambda")


@pytest.fixture
def unusable(monkeypatch: pytest.MonkeyPatch) -> None:
    """No control group can be made."""
    monkeypatch.setattr(lambda_.LambdaLauncher, "why_not", lambda *_: "it has no place")


def _chosen(*names: str) -> list[Variant]:
    return _select.variants(names, False, None, ("process",), usual=True)


@pytest.mark.usefixtures("unusable")
def test_what_cannot_be_started_is_left_out_unless_it_is_named() -> None:
    chosen = _chosen("_fake", "_function*")
    kept, absent = _startable.startable(chosen, ("_fake", "_function*"), OPTIONS)
    assert "_fake" in [variant.name for variant in kept]
    assert {name for name, _ in absent} == {
        name for name in catalog.variants() if name.startswith("_function")
    }
    assert absent[0][1] == "the launcher 'lambda' can't be used here: it has no place"
    kept, absent = _startable.startable(_chosen("_function"), ("_function",), OPTIONS)
    assert absent == ()
    with pytest.raises(NothingRan, match="'lambda' can't be used here: it has no place"):
        _select.launchers_of(kept, "cpu")


@pytest.mark.usefixtures("unusable")
def test_where_that_leaves_nothing_it_is_said() -> None:
    with pytest.raises(NothingRan, match="No variant can be started: the launcher 'lambda'"):
        _startable.startable(_chosen("_function*"), ("_function*",), OPTIONS)
    named = {**OPTIONS, "launchers": ("lambda",)}
    kept, _ = _startable.startable(_chosen("_function*"), ("_function*",), named)
    assert "_function" in [variant.name for variant in kept]
