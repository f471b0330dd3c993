"""The needs of a campaign's variants beyond the right answers to a benchmark's payloads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.measure.prepare import artefacts
from harness.setup import launching
from harness.setup.catalog import Benchmark, Variant
from harness.setup.changes import TRAIN_AND_SERVE
from harness.setup.tables import PresetTable

LATER = 2  # version of the model that takes the place of the first
TRAINED = (2, 3)  # versions that a cluster trains: by a Job, then by a CronJob
MOST_TRAINED_BYTES = 1 << 20  # of such a model: a ConfigMap holds it
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
    trained: tuple[int, ...] = ()  # versions that clusters are to train under load

    def replaced_on(self, benchmark: Benchmark) -> tuple[str, ...]:
        """The variants that are to serve it on a benchmark: none if its model has no versions."""
        return self.replaced if _has_later(benchmark) else ()

    def trained_on(self, benchmark: Benchmark, artefact: Path) -> tuple[int, ...]:
        """The versions that are to be trained on a benchmark: none if its model has no versions, or
        is too large to be passed on in a cluster."""
        fits = artefacts.size_bytes(artefact) <= MOST_TRAINED_BYTES
        return self.trained if fits and _has_later(benchmark) else ()


def _has_later(benchmark: Benchmark) -> bool:
    """Whether another version of its model can be served, and its answers be told from others."""
    return artefacts.has_versions(benchmark) and benchmark.together == 1


NOTHING = Beyond()


def by(variants: Iterable[Variant], preset: PresetTable, rounds: int) -> Beyond:
    """The needs of these variants under a preset."""
    variants = list(variants)
    able = [v.subject.variant for v in variants if preset.replace and v.table.replace_path]
    return Beyond(
        rounds=rounds,
        windows=True,
        later_version=LATER if able else 0,
        replaced=tuple(dict.fromkeys(able)),
        trained=TRAINED if _trains(variants, preset) else (),
    )


def _trains(variants: Iterable[Variant], preset: PresetTable) -> bool:
    """Whether models are to be trained in a cluster, under load."""
    pods = any(launching.of(variant.launcher).replicates for variant in variants)
    return pods and TRAIN_AND_SERVE in preset.changes


def replacement_s(job_s: float) -> float:
    """How long the window lasts in which they do, where the batch job took so long alone."""
    return min(TOLD_AT_S + _TIMES * job_s + _MORE_S, _MOST_S)
