"""Protocols: what goes out, and how strictly what comes back is read."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import AnswerError
from harness.protocols import registered

PROTOCOLS = registered()
INSTANCES = st.lists(
    st.text() | st.floats(allow_nan=False) | st.lists(st.integers(), max_size=3), max_size=4
)
DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    ("protocol", "body", "predictions"),
    [
        ("json", b'{"predictions": [1, "a"]}', [1, "a"]),
        ("json", b'{"predictions": []}', []),
        ("json", b' {"model": "m", "predictions": [null]} ', [None]),
        ("json-list", b"[1, 2]", [1, 2]),
        ("json-list", b"[]", []),
    ],
)
def test_predictions_are_found(protocol: str, body: bytes, predictions: list[Any]) -> None:
    assert PROTOCOLS[protocol].decode(body) == predictions


@pytest.mark.parametrize(
    ("protocol", "body", "said"),
    [
        ("json", b"", "no JSON in ''"),
        ("json", b"<p>oops</p>", "no JSON in '<p>oops</p>'"),
        ("json", b'{"predictions": [1]', "no JSON in"),
        ("json", b'{"predictions": [1]} trailing', "no JSON in"),
        ("json", b"\xff\xfe\x00", "no JSON in"),
        ("json", DEEP, "no JSON in"),
        ("json", b"[1]", 'no list "predictions" in'),
        ("json", b"null", 'no list "predictions" in'),
        ("json", b"{}", 'no list "predictions" in'),
        ("json", b'{"predictions": 1}', 'no list "predictions" in'),
        ("json", b'{"predictions": {"0": 1}}', 'no list "predictions" in'),
        ("json", b'{"Predictions": [1]}', 'no list "predictions" in'),
        ("json-list", b"", "no JSON in ''"),
        ("json-list", DEEP, "no JSON in"),
        ("json-list", b'{"predictions": [1]}', "no list in"),
        ("json-list", b'"text"', "no list in"),
    ],
)
def test_anything_else_is_refused(protocol: str, body: bytes, said: str) -> None:
    with pytest.raises(AnswerError) as caught:
        PROTOCOLS[protocol].decode(body)
    assert str(caught.value).startswith(said)
    assert len(str(caught.value)) < 400  # shows the start of the body, not all of it


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
@given(body=st.binary())
def test_no_body_surprises_a_decoder(protocol: str, body: bytes) -> None:
    predictions: object = []
    with suppress(AnswerError):
        predictions = PROTOCOLS[protocol].decode(body)
    assert isinstance(predictions, list)


@pytest.mark.parametrize("protocol", ["json", "json-list", "kserve-v1"])
@given(instances=INSTANCES)
def test_instances_go_out_as_json(protocol: str, instances: list[Any]) -> None:
    message = PROTOCOLS[protocol].encode(instances)
    assert message.headers == {"Content-Type": "application/json"}
    assert json.loads(message.body) == {"instances": instances}
