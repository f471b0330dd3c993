"""The facts about a benchmark that the stages of all its cells share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.setup.catalog import Benchmark


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A benchmark made ready: its artefact, its payloads, and the reference's answers."""

    benchmark: Benchmark
    artefact: Path
    payloads: tuple[object, ...]
    expected: tuple[object, ...]  # empty while the reference itself is asked
    warm_up_s: float  # of load at most; 0: none
    verify_share: float  # of the payloads, before timing
    audit_s: float = 0.0  # at most; 0: no audit
    unseen: tuple[object, ...] = ()  # payloads of the audits; see harness.windows.audit
    unseen_expected: tuple[object, ...] = ()
