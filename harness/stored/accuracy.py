"""How often answers that need not be the reference's are right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Of payloads that no model was trained on, asked once each before timing."""

    asked: int
    right: int  # answered with their label
    reference_right: int  # that the reference answers with their label
    local: int  # answered by the smaller model
