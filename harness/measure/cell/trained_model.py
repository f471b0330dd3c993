"""A Job trains the next version of the model while load goes on, its Deployment serves it, and a
CronJob does the same once more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.base.errors import HarnessError, LaunchError
from harness.measure.campaign import wanted
from harness.measure.launch.kubernetes import ModelTrainer, TrainingJob
from harness.stored.pods import TrainedBy, TrainedVersion

_RUNS: tuple[TrainedBy, ...] = ("Job", "CronJob")
_POLL_S = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A window under way, as what is done meanwhile sees it."""

    start_ns: int
    end_ns: int  # nothing is waited for any longer, both by CLOCK_MONOTONIC
    saw: Callable[[], object]  # is called again and again
    said: Callable[[str], object]  # what happened just now

    def now_ns(self) -> int:
        """Since the window's start."""
        return time.monotonic_ns() - self.start_ns

    def rest(self, waits_for: str) -> None:
        """Wait a moment. Raises LaunchError when it is too late."""
        self.saw()
        if time.monotonic_ns() > self.end_ns:
            raise LaunchError(f"{waits_for} within the {(self.end_ns - self.start_ns) / 1e9:.0f} s")
        time.sleep(_POLL_S)


def train(trainer: ModelTrainer, watch: Watch) -> tuple[TrainedVersion, ...]:
    """Train and serve one version after the other; the first that is not served is the last."""
    found: list[TrainedVersion] = []
    for version, by in zip(wanted.TRAINED, _RUNS, strict=True):
        found.append(_run(trainer, watch, version, by))
        if found[-1].failure:
            break
    return tuple(found)


def restore(trainer: ModelTrainer, within_s: float) -> None:
    """Have the model served that was served at first. Raises LaunchError."""
    trainer.end()
    until = time.monotonic() + within_s
    while not trainer.serves(1):
        if time.monotonic() > until:
            raise LaunchError(
                "The Deployment does not serve the model of its image again, which it was given "
                f"back {within_s:g} s ago."
            )
        time.sleep(_POLL_S)


def _run(trainer: ModelTrainer, watch: Watch, version: int, by: TrainedBy) -> TrainedVersion:
    found = TrainedVersion(version=version, by=by, asked_ns=watch.now_ns())
    try:
        name = trainer.begin() if by == "Job" else _repeated(trainer, watch)
        found = replace(found, asked_ns=watch.now_ns())
        watch.said(f"a {by} trains version {version}")
        job = trainer.seen(name)
        while not (job.over or job.failure):
            found = _begun(found, job, watch)
            watch.rest(f"the {by} that trains version {version} did not end")
            job = trainer.seen(name)
        found = _ended(_begun(found, job, watch), job, watch)
        if found.failure:
            watch.said(f"version {version} is not served: {found.failure}")
            return found
        watch.said(f"version {version} is trained")
        while not trainer.serves(version):
            watch.rest(f"version {version} was not served by all pods")
        watch.said(f"version {version} is served")
        return replace(found, served_ns=watch.now_ns())
    except HarnessError as error:
        watch.said(f"version {version} is not served: {error}")
        return replace(found, failure=str(error))


def _repeated(trainer: ModelTrainer, watch: Watch) -> str:
    """The Job that the CronJob makes next, and no other after it."""
    known = set(trainer.jobs())
    trainer.repeat(on=True)
    try:
        while not (new := set(trainer.jobs()) - known):
            watch.rest("the CronJob made no Job")
    finally:
        trainer.repeat(on=False)
    return min(new)


def _begun(found: TrainedVersion, job: TrainingJob, watch: Watch) -> TrainedVersion:
    if job.began and found.began_ns is None:
        return replace(found, began_ns=watch.now_ns())
    return found


def _ended(found: TrainedVersion, job: TrainingJob, watch: Watch) -> TrainedVersion:
    """With what the Job told of itself."""
    told, wrong = job.told, ""
    if not job.failure and told.get("version") != found.version:
        wrong = f"its Job trained version {told.get('version')} instead"
    return replace(
        found,
        ended_ns=watch.now_ns(),
        trained_s=_number(told.get("trained_s")),
        stored_s=_number(told.get("stored_s")),
        accuracy=_number(told.get("accuracy")),
        failure=job.failure or wrong,
    )


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]
