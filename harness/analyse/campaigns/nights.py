"""A campaign as `history` needs it: a few numbers of each run, kept so that none is read twice.

A summary is small (some 50 kB for a night of 120 rows), so that a thousand nights are read in
seconds, and years of them fit on a branch of a repository that has no room for raw results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.analyse.run.digested import Digested
from harness.base import reading, whole
from harness.base.errors import ResultError, StoreError
from harness.stored import legacy, sane
from harness.stored.hosts import machine_id
from harness.stored.identity import Canary, Cell, Key, Point, Subject, subject_name

FORMAT = 1  # of a summary
SUFFIX = ".night.json"
# The metrics that are followed. Durations and rates are compared with the same numbers of the
# canaries; these two are not: memory does not depend on the host's speed, and the canaries have no
# capacity of their own, which goes with throughput.
FOLLOWED = (
    *("latency_p50", "latency_p99", "throughput", "capacity"),
    *("cpu_per_1000", "first_answer", "memory"),
)
CONTROL: dict[str, str | None] = {
    **{name: name for name in FOLLOWED},
    "capacity": "throughput",
    "memory": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NightRow:
    """One variant on one benchmark, in one campaign."""

    variant: str  # what reports call it, as the next
    benchmark: str
    framework: str
    version: str | None
    values: dict[str, dict[int, float]]  # by metric and round; of runs that count
    planned: int  # rounds
    failed: int
    invalid: int
    subject: Subject
    plain_benchmark: str  # without the point
    point: Point | None = None
    canary: Canary | None = None  # which it is of what stands for the host


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The conditions that two campaigns must share before their numbers are compared."""

    machine: str
    preset: str
    device: str
    driver: str
    benchmark: str
    version: int  # of the benchmark
    synthetic: bool  # weights that mean nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One campaign."""

    format: int
    campaign: str
    started_at: str  # ISO 8601, UTC
    environment: dict[str, str]
    grounds: dict[str, Ground]  # by benchmark
    rows: tuple[NightRow, ...]
    problems: tuple[str, ...]  # what of the campaign can't be used, in sentences


def of_campaign(digested: Digested) -> Night:
    """Reduce a digested campaign.

    Raises ResultError where no run of it finished, or where it measured two revisions: then its
    numbers are of code that may never be this project's.
    """
    campaign = digested.campaign
    if campaign.against is not None:
        raise ResultError(f"Campaign {campaign.id} was run --against a revision.")
    if not digested.digests:
        raise ResultError(f"Campaign {campaign.id} has no finished run.")
    problems = [f"{each.cell}: {each.message}" for each in digested.damaged]
    if digested.missing:
        planned = len(campaign.cells)
        problems.append(f"{len(digested.missing)} of its {planned} runs are missing")
    machine = machine_id(campaign.environment)
    grounds = {
        name: Ground(
            machine=machine,
            preset=campaign.preset,
            device=campaign.device,
            driver=campaign.driver,
            benchmark=name,
            version=facts.version,
            synthetic=facts.synthetic,
        )
        for name, facts in campaign.benchmarks.items()
    }
    return Night(
        format=FORMAT,
        campaign=campaign.id,
        started_at=campaign.started_at,
        environment=campaign.environment,
        grounds=grounds,
        rows=tuple(_rows(digested)),
        problems=tuple(problems),
    )


def _rows(digested: Digested) -> Iterator[NightRow]:
    planned: dict[Key, list[Cell]] = {}
    for cell in digested.campaign.cells:
        planned.setdefault(cell.key, []).append(cell)
    for key, cells in planned.items():
        ours = [d for d in digested.digests if d.cell.key == key]
        cell = cells[0]
        if not ours or cell.benchmark_name not in digested.campaign.benchmarks:
            continue
        counted = [d for d in ours if d.facts.failure is None and not d.invalid]
        values = {
            name: {
                d.cell.round: float(f"{value:.6g}")
                for d in counted
                if (value := d.values.get(name)) is not None and value > 0
            }
            for name in FOLLOWED
        }
        server = ours[0].facts.server
        failed = sum(d.facts.failure is not None for d in ours)
        yield NightRow(
            variant=cell.variant_name,
            benchmark=cell.benchmark_name,
            framework=server.framework,
            version=server.version,
            values={name: found for name, found in values.items() if found},
            planned=len(cells),
            failed=failed,
            invalid=len(ours) - len(counted) - failed,
            subject=cell.subject,
            plain_benchmark=cell.benchmark,
            point=cell.point,
            canary=digested.campaign.canaries.role(cell.subject),
        )


def keep(nights: Sequence[Night], folder: Path) -> None:
    """Write the summaries that a folder lacks. Raises StoreError."""
    for night in nights:
        path = folder / f"{night.campaign}{SUFFIX}"
        if path.exists():
            continue
        try:
            whole.write(path, _adapter().dump_json(night) + b"\n")
        except OSError as error:
            raise StoreError(f"{path} can't be written: {error.strerror or error}.") from error


def load(path: Path) -> Night:
    """The summary in a file. Raises ResultError."""
    return of_data(reading.parsed(path), path)


def of_data(data: Any, path: Path) -> Night:
    """The summary in data that were read from a file. Raises ResultError."""
    try:
        night = _adapter().validate_python(legacy.night(data))
    except ValidationError as error:
        raise ResultError(f"{path} is truncated, or not a summary of a campaign.") from error
    if night.format > FORMAT:
        raise ResultError(f"{path} has format {night.format}; this harness reads up to {FORMAT}.")
    if (
        wrong := sane.name(night.campaign) or sane.moment(night.started_at) or _odd(night)
    ) is not None:
        raise ResultError(f"{path}: {wrong}.")
    return night


def _odd(night: Night) -> str | None:
    """A value that no summary can have, in words; None if all is well."""
    numbers = (
        n for row in night.rows for by_round in row.values.values() for n in by_round.values()
    )
    if any(number <= 0 for number in numbers):
        return "a followed number is not above zero"
    lost = next((row.benchmark for row in night.rows if row.benchmark not in night.grounds), None)
    return None if lost is None else f"nothing is known of the benchmark {lost!r}"


def with_names(night: Night, renamed: dict[str, str]) -> Night:
    """The same with variants called by their new names, in containers too."""
    return replace(night, rows=tuple(_with_name(row, renamed) for row in night.rows))


def _with_name(row: NightRow, renamed: dict[str, str]) -> NightRow:
    own = row.subject.variant
    subject = replace(row.subject, variant=renamed.get(own, own))
    return replace(row, subject=subject, variant=subject_name(subject, row.point))


@cache
def _adapter() -> TypeAdapter[Night]:
    return TypeAdapter(Night)
