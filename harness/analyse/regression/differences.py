"""A variant's rows then and now, and what of them changed, as records."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analyse.field.comparison import Row
from harness.analyse.field.paired import Ratio
from harness.analyse.regression.gate import Judgement
from harness.analyse.run.metrics import Metric
from harness.analyse.statistics.stats import Spread
from harness.stored.identity import Key, Point, benchmark_name, subject_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One metric of one variant on one benchmark, then and now."""

    key: Key  # as it is now
    metric: Metric
    base: Spread | None
    new: Spread | None
    ratio: Ratio | None  # new by base; None where there is none, as of zeros
    verdict: Judgement
    effect: float  # the least change that is judged, as a share
    smallest: float | None  # that this comparison can show; None where nothing is known
    gates: bool  # whether it may stop a gate
    note: str = ""

    @property
    def variant(self) -> str:
        """Its name in reports."""
        subject, _, point = self.key
        return subject_name(subject, point)

    @property
    def benchmark(self) -> str:
        """Its name in reports."""
        _, benchmark, point = self.key
        return benchmark_name(benchmark, point)

    @property
    def regression(self) -> bool:
        """Whether a gate stops for it."""
        return self.gates and self.verdict is Judgement.WORSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The smallest change that one metric can show on one benchmark."""

    benchmark: str  # what reports call it
    plain_benchmark: str
    point: Point | None  # of a sweep; None too where it differs from variant to variant
    metric: Metric
    effect: float
    smallest: float | None
    rounds: int
    gates: bool
    source: str

    @property
    def stops_from(self) -> float | None:
        """The change from which on a gate may stop; None: for none."""
        known = self.smallest if self.gates else None
        return None if known is None else max(self.effect, known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All that there is to say of two campaigns or revisions."""

    base: str
    new: str
    why_not: tuple[str, ...] = ()  # they are not comparable: then there are no rows
    rows: tuple[Change, ...] = ()
    shown: tuple[Shown, ...] = ()
    notes: tuple[str, ...] = ()  # what else differs, is missing, or is in one of them alone
    damaged: tuple[str, ...] = ()

    @property
    def regressions(self) -> tuple[Change, ...]:
        return tuple(row for row in self.rows if row.regression)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A variant's row then and now; a renamed one is called what it is called now."""

    base: Row
    new: Row
    same_load: bool
    unchanged: bool = False  # from the same files in one campaign: it differs by chance alone
    reference: bool = False  # a reference point: a change of it is not a regression

    @property
    def variant(self) -> str:
        return self.new.variant

    @property
    def benchmark(self) -> str:
        return self.new.cell.benchmark_name

    @property
    def counts(self) -> bool:
        """Whether its numbers may be quoted."""
        return not (self.base.invalid or self.new.invalid)

    @property
    def stops(self) -> bool:
        """Whether a gate may stop for it."""
        return not (self.unchanged or self.reference)
