"""What the variants of a campaign need of a benchmark, beyond what is right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.setup.catalog import Variant
from harness.setup.tables import PresetTable

LATER = 2  # version of the model that takes the place of the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """Beyond the answers to a benchmark's own payloads."""

    rounds: int = 1  # each of which has unseen payloads of its own
    windows: bool = False  # profiles are fired, some of which may want fresh payloads
    later_version: int = 0  # of the model, which takes the place of the first; 0: none does


NOTHING = Beyond()


def by(variants: Iterable[Variant], preset: PresetTable, rounds: int) -> Beyond:
    """What a preset makes these variants need."""
    replaced = preset.replace and any(v.table.replace_path for v in variants)
    return Beyond(rounds=rounds, windows=True, later_version=LATER if replaced else 0)
