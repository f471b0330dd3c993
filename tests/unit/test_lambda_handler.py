"""The plain handler of servers/lambda, given events by hand."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from harness.base import paths

PLACE = paths.PROJECT / "servers" / "lambda" / "handler.py"


class Doubling:
    def predict(self, instances: list[Any]) -> list[Any]:
        if any(isinstance(each, str) for each in instances):
            raise ValueError("a text can't be doubled")
        return [2 * each for each in instances]


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    serving = SimpleNamespace(load_predictor=Doubling)
    monkeypatch.setitem(sys.modules, "serving", serving)
    spec = importlib.util.spec_from_file_location("lambda_handler", PLACE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def event(body: str | None, *, method: str = "POST", encoded: bool = False) -> dict[str, Any]:
    """The parts of a function URL's event that it reads."""
    told = {"requestContext": {"http": {"method": method}}, "isBase64Encoded": encoded}
    return told if body is None else {**told, "body": body}


def test_it_predicts(handler: ModuleType) -> None:
    plain = event('{"instances": [1, 2]}')
    encoded = event(base64.b64encode(b'{"instances": [1, 2]}').decode(), encoded=True)
    for each in (plain, encoded):
        answer = handler.predict(each, None)
        assert answer["statusCode"] == 200
        assert answer["headers"]["content-type"] == "application/json"
        assert json.loads(answer["body"]) == {"predictions": [2, 4]}


def test_a_get_asks_whether_it_is_there(handler: ModuleType) -> None:
    assert handler.predict(event(None, method="GET"), None)["statusCode"] == 200


@pytest.mark.parametrize("body", [None, "", "{", "[]", '{"instances": 1}', '{"instances": ["a"]}'])
def test_what_is_wrong_is_refused(handler: ModuleType, body: str | None) -> None:
    answer = handler.predict(event(body), None)
    assert answer["statusCode"] == 422
    assert json.loads(answer["body"])["error"]
