"""The reference's answers, before anything is compared with them.

Values that no answer can equal, or that a framework can't send, would make every variant look
wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.base.errors import AnswerError
from harness.protocols import Protocol


class Unusable(AnswerError):
    """The predictor can't be right on a payload, which is named."""


def refused(predictor: str, place: int, said: str) -> Unusable:
    """The error of a predictor that gives no prediction of a payload, the first being 1."""
    hint = ""
    if "not JSON serializable" in said:
        hint = " Let it return plain numbers: float(x), int(x), or .tolist() of an array."
    said = said.rstrip(".")
    return Unusable(f"{_where(predictor, place)} gave no prediction: {said}.{hint}")


def of(bodies: Sequence[bytes], protocol: Protocol, predictor: str) -> list[Any]:
    """The prediction for each payload, in order. Raises AnswerError, which names the predictor and
    the first payload that it can't be right on."""
    return [_one(body, place, protocol, predictor) for place, body in enumerate(bodies, 1)]


def _one(body: bytes, place: int, protocol: Protocol, predictor: str) -> Any:
    where = _where(predictor, place)
    try:
        predictions = protocol.decode(body)
    except AnswerError as error:
        raise refused(predictor, place, str(error)) from error
    if len(predictions) != 1:
        raise Unusable(f"{where} gave {len(predictions)} predictions for one instance.")
    odd = not_finite(predictions[0])
    if odd is not None:
        raise Unusable(
            f"{where} predicted {odd}, which JSON does not have and which equals nothing, itself "
            "included."
        )
    return predictions[0]


def _where(predictor: str, place: int) -> str:
    return f"{predictor} can't be a reference: of payload {place} (the first is 1) it"


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
