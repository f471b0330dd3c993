"""What a predictor must not answer, told once and with the payload's number."""

from __future__ import annotations

import pytest

from harness.base.errors import AnswerError
from harness.measure.campaign import expectations
from harness.protocols import registered

JSON = registered()["json"]


def test_plain_answers_are_taken_as_they_are() -> None:
    bodies = [b'{"predictions": [1]}', b'{"predictions": [{"label": "a", "score": [0.5, 1e9]}]}']
    assert expectations.of(bodies, JSON, "p.py") == [1, {"label": "a", "score": [0.5, 1e9]}]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"predictions": [NaN]}', "predicted nan"),
        (b'{"predictions": [{"a": [0.5, -Infinity]}]}', "predicted -inf"),
        (b'{"predictions": []}', "gave 0 predictions for one instance"),
        (b'{"predictions": [1, 2]}', "gave 2 predictions for one instance"),
        (
            b'{"error": "Object of type float32 is not JSON serializable"}',
            "Let it return plain numbers",
        ),
        (b"no JSON", "gave no prediction"),
    ],
)
def test_what_no_variant_could_answer_is_refused(body: bytes, sentence: str) -> None:
    with pytest.raises(AnswerError) as refused:
        expectations.of([b'{"predictions": [1]}', body], JSON, "mine/predictor.py")
    said = str(refused.value)
    assert said.startswith("mine/predictor.py can't be a reference: of payload 2")
    assert sentence in said
