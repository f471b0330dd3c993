"""The reference's answers, before anything is compared with them.

What no answer can equal, or a framework can't send, would make every variant look wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.base.errors import AnswerError
from harness.protocols import Protocol


def of(bodies: Sequence[bytes], protocol: Protocol, predictor: str) -> list[Any]:
    """The prediction for each payload, in order. Raises AnswerError, which names the predictor and
    the first payload that it can't be right on."""
    return [_one(body, place, protocol, predictor) for place, body in enumerate(bodies, 1)]


def _one(body: bytes, place: int, protocol: Protocol, predictor: str) -> Any:
    where = f"{predictor} can't be a reference: of payload {place} (the first is 1) it"
    try:
        predictions = protocol.decode(body)
    except AnswerError as error:
        hint = ""
        if b"not JSON serializable" in body:
            hint = " Let it return plain numbers: float(x), int(x), or .tolist() of an array."
        raise AnswerError(f"{where} gave no prediction: {error}.{hint}") from error
    if len(predictions) != 1:
        raise AnswerError(f"{where} gave {len(predictions)} predictions for one instance.")
    odd = not_finite(predictions[0])
    if odd is not None:
        raise AnswerError(
            f"{where} predicted {odd}, which JSON does not have and which equals nothing, itself "
            "included."
        )
    return predictions[0]


def not_finite(value: Any) -> float | None:
    """The first number in it that is not finite."""
    if isinstance(value, float):
        return None if math.isfinite(value) else value
    parts: list[Any] = []
    if isinstance(value, dict):
        parts = list(value.values())
    elif isinstance(value, list):
        parts = value
    return next((odd for part in parts if (odd := not_finite(part)) is not None), None)
