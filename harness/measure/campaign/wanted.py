"""The needs of a campaign's variants beyond the right answers to a benchmark's payloads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.measure.prepare import artefacts
from harness.setup.catalog import Benchmark, Variant
from harness.setup.tables import PresetTable

LATER = 2  # version of the model that takes the place of the first
TOLD_AT_S = 1.0  # when the server is told of it, in the window in which it does so
_TIMES, _MORE_S = 2.0, 4.0  # the batch job beside serving, as against alone; for a model to load
_MOST_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """Beyond the answers to a benchmark's own payloads."""

    rounds: int = 1  # each of which has unseen payloads of its own
    windows: bool = False  # profiles are fired, some of which may want fresh payloads
    later_version: int = 0  # of the model, which takes the place of the first; 0: none does
    replaced: tuple[str, ...] = ()  # the variants that are to serve it

    def replaced_on(self, benchmark: Benchmark) -> tuple[str, ...]:
        """The variants that are to serve it on a benchmark: none if its model has no versions."""
        able = artefacts.has_versions(benchmark) and benchmark.together == 1
        return self.replaced if able else ()


NOTHING = Beyond()


def by(variants: Iterable[Variant], preset: PresetTable, rounds: int) -> Beyond:
    """The needs of these variants under a preset."""
    able = [v.subject.variant for v in variants if preset.replace and v.table.replace_path]
    return Beyond(
        rounds=rounds,
        windows=True,
        later_version=LATER if able else 0,
        replaced=tuple(dict.fromkeys(able)),
    )


def replacement_s(job_s: float) -> float:
    """How long the window lasts in which they do, where the batch job took so long alone."""
    return min(TOLD_AT_S + _TIMES * job_s + _MORE_S, _MOST_S)
