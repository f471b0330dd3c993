"""The protocol whose answers say which version of the model has predicted."""

from __future__ import annotations

import pytest

from harness.protocols import exchange, registered
from harness.protocols.exchange import Done, Fail, Response, Step
from harness.protocols.in_headers import Telling


def said(header: str | None, status: int = 200) -> Step:
    headers = () if header is None else (("model-version", header),)
    answer = Response(status, headers, b'{"predictions": [1]}')
    return exchange.next_step(Telling("version").begin(0), answer, 5)


def test_an_answer_s_version_is_a_mark() -> None:
    assert said("12") == Done(marks=(("version", 12),))
    assert registered()["versioned"].decode(b'{"predictions": [1]}') == [1]


def test_a_refusal_needs_none() -> None:
    assert said(None, 422) == Done()


@pytest.mark.parametrize("header", [None, "", "v2", "-1"])
def test_without_a_version_it_is_no_answer(header: str | None) -> None:
    step = said(header)
    assert isinstance(step, Fail)
    assert step.error == "garbage"
    assert "which is no version" in step.why
