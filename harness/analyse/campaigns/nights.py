"""A campaign as `history` needs it: a few numbers of each run, kept so that none is read twice.

A summary is small (some 50 kB for a night of 120 rows), so that a thousand nights are read in
seconds, and years of them fit on a branch of a repository that has no room for raw results.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from harness.analyse.run import digest
from harness.analyse.run.digest import Digested
from harness.base import caches, paths, reading
from harness.base.errors import HarnessError, ResultError, StoreError
from harness.stored import sane, store
from harness.stored.hosts import machine_id

FORMAT = 1  # of a summary; another number makes those in the cache anew
SUFFIX = ".night.json"
_NO_NUMBERS = ("measure", "report", "cli", "frames")  # parts that make no numbers of stored runs
# What is followed. Whatever says how long something takes is set beside the same number of the
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

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One variant on one benchmark, in one campaign."""

    variant: str
    benchmark: str
    framework: str
    version: str | None
    values: dict[str, dict[int, float]]  # by metric and round; of runs that count
    planned: int  # rounds
    failed: int
    invalid: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What two campaigns must share for their numbers to be set beside each other."""

    machine: str
    preset: str
    device: str
    driver: str
    benchmark: str
    version: int  # of the benchmark
    synthetic: bool  # weights that mean nothing


@dataclass(frozen=True, slots=True)
class Night:
    """One campaign."""

    format: int
    campaign: str
    started_at: str  # ISO 8601, UTC
    environment: dict[str, str]
    grounds: dict[str, Ground]  # by benchmark
    rows: tuple[Row, ...]
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
            machine,
            campaign.preset,
            campaign.device,
            campaign.driver,
            name,
            facts.version,
            bool(facts.artefact.get("synthetic")),
        )
        for name, facts in campaign.benchmarks.items()
    }
    return Night(
        FORMAT,
        campaign.id,
        campaign.started_at,
        campaign.environment,
        grounds,
        tuple(_rows(digested)),
        tuple(problems),
    )


def _rows(digested: Digested) -> Iterator[Row]:
    planned: dict[tuple[str, str], int] = {}
    for cell in digested.campaign.cells:
        pair = (cell.variant, cell.benchmark)
        planned[pair] = planned.get(pair, 0) + 1
    for (variant, benchmark), rounds in planned.items():
        pair = (variant, benchmark)
        ours = [d for d in digested.digests if (d.cell.variant, d.cell.benchmark) == pair]
        if not ours or benchmark not in digested.campaign.benchmarks:
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
        yield Row(
            variant,
            benchmark,
            server.framework,
            server.version,
            {name: found for name, found in values.items() if found},
            rounds,
            failed,
            len(ours) - len(counted) - failed,
        )


def read(folders: Sequence[Path], tell: Tell, renamed: dict[str, str] | None = None) -> list[Night]:
    """Every campaign and every summary in some folders, the oldest first, each campaign once.

    What can't be read is told in a sentence that names it, and left out.
    """
    found: dict[str, Night] = {}
    for folder in folders:
        for path in store.campaigns(folder) + sorted(folder.glob(f"*{SUFFIX}")):
            try:
                night = _load(path) if path.name.endswith(SUFFIX) else _remembered(path)
            except HarnessError as error:
                tell(f"left out: {error}")
                continue
            if found.setdefault(night.campaign, night) is night:
                for problem in night.problems:
                    tell(f"{night.campaign}: {problem}")
    ordered = sorted(found.values(), key=lambda night: (night.started_at, night.campaign))
    return [_with_names(night, renamed) for night in ordered] if renamed else ordered


def keep(nights: Sequence[Night], folder: Path) -> None:
    """Write the summaries that a folder lacks. Raises StoreError."""
    for night in nights:
        path = folder / f"{night.campaign}{SUFFIX}"
        if path.exists():
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write(path, night)
        except OSError as error:
            raise StoreError(f"{path} can't be written: {error.strerror or error}.") from error


def _remembered(folder: Path) -> Night:
    """The summary of a stored campaign, from the cache where its files are as they were."""
    state = _state(folder)
    kept = paths.cache_dir() / "nights" / f"{state}.json"
    if kept.exists():
        try:
            return _load(kept)
        except ResultError:
            pass  # made anew
    with reading.made_sense_of(folder):
        night = of_campaign(digest.of_campaign(folder))
    try:
        caches.folder(kept.parent.name)
        _write(kept, night)
    except (OSError, StoreError):
        pass  # then it is digested the next time too
    return night


def _state(folder: Path) -> str:
    """What changes with a campaign's files: the size and the time of each."""
    known = hashlib.sha256(f"{_code()} {folder.resolve()}".encode())
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                else:
                    stat = entry.stat(follow_symlinks=False)
                    known.update(f"{entry.path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return known.hexdigest()[:32]


@cache
def _code() -> str:
    """What changes with the code that makes numbers of runs."""
    own = sorted(
        path
        for path in (paths.PROJECT / "harness").rglob("*.py")
        if path.relative_to(paths.PROJECT).parts[1] not in _NO_NUMBERS
    )
    return hashlib.sha256(b"".join(path.read_bytes() for path in own)).hexdigest()


def _write(path: Path, night: Night) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(_adapter().dump_json(night) + b"\n")
    part.replace(path)


def _load(path: Path) -> Night:
    try:
        night = _adapter().validate_python(reading.parsed(path))
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
    """What a summary can't hold, in words; None where all is well."""
    numbers = (
        n for row in night.rows for by_round in row.values.values() for n in by_round.values()
    )
    if any(number <= 0 for number in numbers):
        return "a followed number is not above zero"
    lost = next((row.benchmark for row in night.rows if row.benchmark not in night.grounds), None)
    return None if lost is None else f"nothing is known of the benchmark {lost!r}"


def _with_names(night: Night, renamed: dict[str, str]) -> Night:
    """The same with variants called by their new names, in containers too."""
    rows = []
    for row in night.rows:
        own, at, rest = row.variant.partition("@")
        rows.append(replace(row, variant=f"{renamed.get(own, own)}{at}{rest}"))
    return replace(night, rows=tuple(rows))


@cache
def _adapter() -> TypeAdapter[Night]:
    return TypeAdapter(Night)
