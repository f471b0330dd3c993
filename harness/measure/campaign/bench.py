"""The facts of a benchmark that the stages of each of its cells need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.setup.catalog import Benchmark


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """A later version of a benchmark's model: it takes the place of the first under load."""

    version: int
    artefact: Path
    expected: tuple[object, ...]  # as of the first version: of the same payloads, in the same order
    variants: tuple[str, ...] = ()  # that are to serve it


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
    fresh: tuple[object, ...] = ()  # unseen ones of profiles; see harness.windows.repeats
    fresh_expected: tuple[object, ...] = ()  # of the first of them: the others are not judged
    later: Later | None = None
    scrape_every_s: float = 0.0  # its metrics, during windows too; 0: not then
    trained: tuple[Later, ...] = ()  # what a cluster is to train under load, as made here

    @property
    def known(self) -> tuple[object, ...]:
        """All payloads, in the order of their numbers."""
        return (*self.payloads, *self.unseen, *self.fresh)

    @property
    def answers(self) -> tuple[object, ...]:
        """The right answers to the first of them, in the same order."""
        return (*self.expected, *self.unseen_expected, *self.fresh_expected)

    @property
    def first_fresh(self) -> int:
        """The number of the first of the fresh ones."""
        return len(self.payloads) + len(self.unseen)
