"""The record of another revision of the project that a campaign measured too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Revision:
    """Another revision of the project, whose variants were measured beside this one's."""

    name: str  # that its subjects have
    commit: str
