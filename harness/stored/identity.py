"""What a run is of, as records, and what reports call it.

A name is made here of the fields of a record, for a reader. Nothing is learnt from a name:
`harness.cli._asked` understands names that a person gives, and `harness.stored.legacy` those in
files of schemas that had nothing else.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

AT = "@"  # between the parts of a name that are not the usual ones
VARIANT: Varies = "variant"
BENCHMARK: Varies = "benchmark"
PREDICTOR: Canary = "predictor"  # the predictor without a server
NULL: Canary = "null"  # a server without a predictor

Varies = Literal["variant", "benchmark"]
Canary = Literal["predictor", "null"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: a variant, and how it comes up and where it is from, if not as usual."""

    variant: str  # its name in server.toml, or the endpoint's, or the image's
    launcher: str | None = None  # None: the usual one
    revision: str | None = None  # None: this one


@dataclass(frozen=True, slots=True)
class Point:
    """A value of an axis of a sweep."""

    axis: str
    value: int
    varies: Varies  # which of the two differs from point to point


Key = tuple[Subject, str, Point | None]  # what the rounds of a cell share


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One subject x benchmark x round (rounds count from 1), at a point of a sweep or at none."""

    subject: Subject
    benchmark: str
    point: Point | None
    round: int

    @property
    def key(self) -> Key:
        """What it shares with its other rounds, and with nothing else."""
        return self.subject, self.benchmark, self.point

    @property
    def variant_name(self) -> str:
        """What reports call its subject."""
        return subject_name(self.subject, self.point)

    @property
    def benchmark_name(self) -> str:
        """What reports call its benchmark, by which a campaign has its facts."""
        return benchmark_name(self.benchmark, self.point)

    def __str__(self) -> str:
        return f"{self.variant_name} on {self.benchmark_name}, round {self.round}"


@dataclass(frozen=True, slots=True)
class Canaries:
    """The subjects of a campaign that stand for the host: others are set beside them."""

    predictor: Subject | None = None  # the predictor without a server
    null: Subject | None = None  # a server without a predictor

    def role(self, subject: Subject) -> Canary | None:
        """Which of them a subject is; None for any other."""
        return {self.predictor: PREDICTOR, self.null: NULL}.get(subject)


def subject_name(subject: Subject, point: Point | None = None) -> str:
    """What reports call a subject: `fastapi`, `fastapi@docker`, `fastapi-workers-4@main`. Without
    a revision and a point it is what the command line takes."""
    own = subject.variant
    if point is not None and point.varies == VARIANT:
        own = f"{own}-{point.axis}-{point.value}"
    return AT.join(part for part in (own, subject.launcher, subject.revision) if part)


def benchmark_name(benchmark: str, point: Point | None = None) -> str:
    """What reports call a benchmark: what differs from point to point has the value in its name,
    and the other one has the axis in it at least."""
    if point is None:
        return benchmark
    value = f"-{point.value}" if point.varies == BENCHMARK else ""
    return f"{benchmark}-{point.axis}{value}"


def record(key: Key) -> dict[str, Any]:
    """What names are made of, for programs, which read this instead of a name."""
    subject, benchmark, point = key
    return {
        "subject": asdict(subject),
        "plain_benchmark": benchmark,
        "point": asdict(point) if point else None,
    }


def told(cell: Cell) -> dict[str, Any]:
    """What reports call a cell, and what those names are made of."""
    names = {"variant": cell.variant_name, "benchmark": cell.benchmark_name, "round": cell.round}
    return {**names, **record(cell.key)}
