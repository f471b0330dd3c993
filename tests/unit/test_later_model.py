"""Another version of the model under load: what is fired, handed over, and said where it fails."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.measure.cell import later_model
from harness.measure.cell.life import Life
from harness.measure.launch.calls import ServerRecords
from harness.stored.lifecycle import BatchJob
from harness.stored.records import Window
from harness.windows.marks import MARKS, Marks
from harness.windows.profiles import Profile
from tests import fakes

STEADY = Profile("steady", "ramp", 10.0, rate_per_s=10.0, rate_to_per_s=20.0)
REPEATS = Profile("repeats", "poisson", 2.0, rate_per_s=5.0, popularity="zipf", exponent=0.8)
CLOSED = Profile("saturated", "closed", 2.0, concurrency=8)
JOB = BatchJob(
    version=1,
    began_ns=0,
    ended_ns=5_000_000_000,
    cpu_s=2.0,
    batch_size=32,
    inputs=150,
    store_bytes=4096,
)


@dataclass
class Recorded:
    """A server of which the records alone are asked for."""

    jobs: tuple[BatchJob, ...] = ()

    def calls(self) -> ServerRecords:
        return ServerRecords(jobs=self.jobs)


def server(*jobs: BatchJob) -> Any:
    return Recorded(jobs)


def window(profile: Profile, version: int | None = None) -> Window:
    run = fakes.exact_run((profile, fakes.requests([0, 1], [0, 1], [2, 3])))
    if version is None:
        return run.windows[0]
    row = np.zeros(1, np.int64)
    marks = Marks(request=row, mark=row + MARKS.index("version"), value=row + version)
    return replace(run.windows[0], marks=marks)


@pytest.mark.parametrize(
    ("profiles", "like"), [((STEADY, REPEATS), REPEATS), ((STEADY, CLOSED), STEADY)]
)
def test_the_load_is_that_whose_requests_repeat(
    profiles: tuple[Profile, ...], like: Profile
) -> None:
    life = Life(windows=[window(profile) for profile in profiles])
    found = later_model._profile(server(JOB), life)
    assert found is not None
    assert (found.name, found.shape, found.rate_to_per_s) == ("replacement", "poisson", None)
    assert (found.rate_per_s, found.popularity) == (like.rate_per_s, like.popularity)
    assert found.duration_s == 15.0, "twice the job, and some more"


def test_it_has_an_end_and_without_a_planned_rate_there_is_none() -> None:
    slow = replace(JOB, ended_ns=10**12)
    life = Life(windows=[window(REPEATS)])
    found = later_model._profile(server(slow), life)
    assert found is not None
    assert found.duration_s == 60.0
    assert later_model._profile(server(JOB), Life(windows=[window(CLOSED)])) is None


def test_why_the_new_model_was_not_served() -> None:
    later = replace(JOB, version=2)
    full = replace(later, failure="The disk is full.")
    assert later_model._failure(server(JOB, later), window(REPEATS, 2), 2) == ""
    old = window(REPEATS, 1)
    assert later_model._failure(server(JOB), old, 2) == "its batch job did not end within the 2 s"
    assert later_model._failure(server(JOB, full), old, 2) == "The disk is full."
    ended = later_model._failure(server(JOB, later), old, 2)
    assert ended == "its batch job ended, but no answer was the new model's"


def test_the_model_lies_where_the_server_reads_it(tmp_path: Path) -> None:
    artefact, records = tmp_path / "made", tmp_path / "records"
    (artefact / "deeper").mkdir(parents=True)
    (artefact / "deeper" / "label").write_text("noop-2")
    records.mkdir()
    for _ in range(2):  # the second time it is there
        name = later_model._handed_over(artefact, records, "artefact-2")
    assert (records / name / "deeper" / "label").read_text() == "noop-2"
    assert (records / name / "deeper").stat().st_mode & 0o555 == 0o555
