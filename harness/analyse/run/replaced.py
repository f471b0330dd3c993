"""The view of callers while another version of the model took the place of the first."""

from __future__ import annotations

from dataclasses import dataclass

from harness.stored.records import Run, Window
from harness.windows import misses
from harness.windows.kinds import WindowKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """Seconds since the server was told of the new version."""

    version: int
    job_s: float | None  # for which the batch job ran; None where none is known
    first_new_s: float | None  # until the first answer of the new version; None: there was none
    last_old_s: float | None  # until the last one of any other; None where the old one stayed
    again: int  # requests sent after the first new answer had come, and answered by an old one
    failed: int  # requests, without misses that are refused as declared
    requests: int


def window(run: Run) -> Window | None:
    """The window in which it happened, if the run got that far."""
    return next(iter(run.of(WindowKind.REPLACEMENT)), None)


def of_run(run: Run) -> Replaced | None:
    """The outcome of a run's replacement; None if nothing was replaced."""
    found, life = window(run), run.facts.lifecycle
    if found is None or life is None or life.replacement is None:
        return None
    requests, told = found.requests, life.replacement
    version = found.marks.each("version", len(requests))
    new = requests.ok & (version == told.version)
    old = requests.ok & (version > 0) & (version != told.version)
    came = int(requests.done_ns[new].min()) if new.any() else None
    job = next((job for job in life.jobs if job.version == told.version), None)
    return Replaced(
        version=told.version,
        job_s=job.seconds if job is not None else None,
        first_new_s=None if came is None else (came - told.asked_ns) / 1e9,
        last_old_s=None
        if came is None or not old.any()
        else (int(requests.done_ns[old].max()) - told.asked_ns) / 1e9,
        again=0 if came is None else int((old & (requests.sent_ns > came)).sum()),
        failed=int((~requests.ok & ~misses.refused(requests)).sum()),
        requests=len(requests),
    )
