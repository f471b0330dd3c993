"""The identity of a run, as records, and the names that reports make of them.

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
    """The subject of a measurement: a variant, and its launcher and revision if they are not the
    usual ones."""

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
        """The part that all its rounds share, and no other cell has."""
        return self.subject, self.benchmark, self.point

    @property
    def variant_name(self) -> str:
        """The name of its subject in reports."""
        return subject_name(self.subject, self.point)

    @property
    def benchmark_name(self) -> str:
        """The name of its benchmark in reports, under which a campaign holds the benchmark's
        facts."""
        return benchmark_name(self.benchmark, self.point)

    def __str__(self) -> str:
        return f"{self.variant_name} on {self.benchmark_name}, round {self.round}"


@dataclass(frozen=True, slots=True)
class Canaries:
    """The subjects of a campaign that stand for the host: others are set beside them."""

    predictor: Subject | None = None  # the predictor without a server
    null: Subject | None = None  # a server without a predictor

    def role(self, subject: Subject) -> Canary | None:
        """The role of a subject among them; None for any other."""
        return {self.predictor: PREDICTOR, self.null: NULL}.get(subject)


def subject_name(subject: Subject, point: Point | None = None) -> str:
    """The name of a subject in reports: `fastapi`, `fastapi@docker`, `fastapi-workers-4@main`.
    Without a revision and a point it is the name that the command line takes."""
    own = subject.variant
    if point is not None and point.varies == VARIANT:
        own = f"{own}-{point.axis}-{point.value}"
    return AT.join(part for part in (own, subject.launcher, subject.revision) if part)


def benchmark_name(benchmark: str, point: Point | None = None) -> str:
    """The name of a benchmark in reports: whatever varies from point to point has the value in its
    name; the other one has at least the axis in it."""
    if point is None:
        return benchmark
    value = f"-{point.value}" if point.varies == BENCHMARK else ""
    return f"{benchmark}-{point.axis}{value}"


def record(key: Key) -> dict[str, Any]:
    """The parts of names, for programs, which read them instead of a name."""
    subject, benchmark, point = key
    return {
        "subject": asdict(subject),
        "plain_benchmark": benchmark,
        "point": asdict(point) if point else None,
    }


def told(cell: Cell) -> dict[str, Any]:
    """The names of a cell in reports, and their parts."""
    names = {"variant": cell.variant_name, "benchmark": cell.benchmark_name, "round": cell.round}
    return {**names, **record(cell.key)}
