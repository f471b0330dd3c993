"""A Job trains the next version of the model, and its Deployment serves it; a CronJob does the same
once more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from harness.base.errors import HarnessError, LaunchError
from harness.measure.campaign import wanted
from harness.measure.cell.change_scene import Scene
from harness.measure.cell.changes import DeploymentChange, change
from harness.measure.launch.kubernetes import ModelTrainer, TrainingJob
from harness.measure.prepare import artefacts
from harness.measure.talk import model_versions
from harness.measure.talk.model_versions import VersionedAnswers
from harness.measure.talk.talk import Talk
from harness.setup.changes import TRAIN_AND_SERVE, ChangeName
from harness.stored.pods import ClusterChange, TrainedBy, TrainedVersion
from harness.stored.records import Window
from harness.windows.profiles import Profile

_MIB = 1 << 20
_RUNS: tuple[TrainedBy, ...] = ("Job", "CronJob")
_MINUTE_S = 75.0  # until a CronJob of every minute made a Job: old controllers look every 10 s
_ASK_AGAIN_S = 0.4


@change(TRAIN_AND_SERVE)
class TrainAndServe(DeploymentChange):
    """Over when all pods serve the last version. Each answer must be that of one of them."""

    judge_every = 1

    def __init__(self) -> None:
        self._trainer: ModelTrainer | None = None
        self._usual: Talk | None = None  # how the server was asked and judged before
        self._judge: VersionedAnswers | None = None
        self._found: list[TrainedVersion] = []

    def why_not(self, scene: Scene) -> str:
        """Whether there is another version, and a place for it."""
        self._trainer, self._usual, self._judge, self._found = None, None, None, []
        bench = scene.stages.bench
        name = bench.benchmark.folder.name
        if scene.stages.variant.image:
            return "its image is none of ours, so that it is not known where that has its model"
        size = artefacts.size_bytes(bench.artefact)
        if size > wanted.MOST_TRAINED_BYTES:
            return (
                f"the model of {name} has {size / _MIB:.1f} MiB, and a ConfigMap, by which pods "
                "get it, holds 1 MiB"
            )
        if not bench.trained:
            return (
                f"the model of {name} has no other version: its build.py does not read "
                "HARNESS_ARTEFACT_VERSION, or requests carry several instances"
            )
        return ""

    def note(self, scene: Scene) -> str:
        """What training costs those who are served meanwhile."""
        if scene.control.nodes() > 1:
            return ""
        return "training takes CPU time of the node that serves"

    def profile(self, scene: Scene, name: ChangeName) -> Profile:
        """Two runs, and the wait for the second."""
        usual, told = super().profile(scene, name), scene.told
        return replace(usual, duration_s=usual.duration_s + _MINUTE_S + told.within_s)

    def prepare(self, scene: Scene) -> None:
        """Give the cluster what it trains with, and judge by all versions."""
        bench, self._usual = scene.stages.bench, scene.stages.talk
        later = {made.version: made.expected for made in bench.trained}
        self._judge = model_versions.of(self._usual.answers, later)
        scene.stages.talk = replace(self._usual, answers=self._judge)
        self._trainer = scene.control.trainer(bench.benchmark)

    def window(self, scene: Scene, window: Window) -> Window:
        """With the version that answered each request."""
        del scene
        assert self._judge is not None  # it was prepared
        return replace(window, marks=self._judge.marked(window.marks))

    def act(self, scene: Scene) -> None:
        """Train and serve one version after the other; the first that is not served is the last."""
        assert self._trainer is not None  # it was prepared
        scene.begin("training began")
        for version, by in zip(wanted.TRAINED, _RUNS, strict=True):
            run = _Run(scene, self._trainer, version, by)
            try:
                run.follow()
            except HarnessError as error:
                run.found = replace(run.found, failure=str(error).rstrip("."))
            self._found.append(run.found)
            if run.found.failure:
                scene.watch.say(f"version {version} is not served: {run.found.failure}")
                return
        scene.recovered_ns = time.monotonic_ns()

    def restore(self, scene: Scene) -> None:
        """Serve the model of the image again, and judge by that."""
        trainer, self._trainer = self._trainer, None
        if self._usual is not None:
            scene.stages.talk = self._usual
        if trainer is None:
            return
        trainer.end()
        until = time.monotonic() + scene.told.within_s
        while not trainer.serves(1):
            if time.monotonic() > until:
                raise LaunchError(
                    "Its image's own model, which it was given back, was not served by all pods "
                    f"within {scene.told.within_s:g} s."
                )
            time.sleep(_ASK_AGAIN_S)

    def failure(self, scene: Scene) -> str:
        """That of the version that is not served."""
        failed = (run for run in self._found if run.failure)
        told = next((f"version {run.version} is not served: {run.failure}" for run in failed), "")
        return told or super().failure(scene)

    def completed(self, scene: Scene, found: ClusterChange) -> ClusterChange:
        """With the versions, and how far each came."""
        del scene
        return replace(found, trained=tuple(self._found))


class _Run:
    """One version, from its Job to all pods."""

    def __init__(self, scene: Scene, trainer: ModelTrainer, version: int, by: TrainedBy) -> None:
        self._scene = scene
        self._trainer = trainer
        self.found = TrainedVersion(version=version, by=by, asked_ns=self._now_ns())

    def follow(self) -> None:
        """Have it trained, and wait until it is served. Raises HarnessError."""
        name = self._made()
        self.found = replace(self.found, asked_ns=self._now_ns())
        version = self.found.version
        self._scene.watch.say(f"a {self.found.by} trains version {version}")
        for _ in self._waiting(self._scene.told.within_s, "its Job did not end"):
            job = self._trainer.seen(name)
            if job.began and self.found.began_ns is None:
                self.found = replace(self.found, began_ns=self._now_ns())
            if job.over or job.failure:
                break
        self._ended(job)
        if self.found.failure:
            return
        self._scene.watch.say(f"version {version} is trained, and its rollout begins")
        for _ in self._waiting(self._scene.told.within_s, "not all pods came to serve it"):
            if self._trainer.serves(version):
                break
        self.found = replace(self.found, served_ns=self._now_ns())
        self._scene.watch.say(f"all pods serve version {version}")

    def _made(self) -> str:
        """Its Job: by hand, or the one that the CronJob makes next, and no other after it."""
        if self.found.by == "Job":
            return self._trainer.begin()
        known = set(self._trainer.jobs())
        self._trainer.repeat(on=True)
        try:
            for _ in self._waiting(_MINUTE_S, "the CronJob made no Job"):
                if new := set(self._trainer.jobs()) - known:
                    return min(new)
        finally:
            self._trainer.repeat(on=False)
        raise AssertionError("it waits until there is one")

    def _ended(self, job: TrainingJob) -> None:
        """Note what the Job told of itself."""
        told, failure = job.told, job.failure
        if not failure and told.get("version") != self.found.version:
            failure = f"its Job says that it trained version {told.get('version')}"
        self.found = replace(
            self.found,
            ended_ns=self._now_ns(),
            trained_s=_number(told.get("trained_s")),
            stored_s=_number(told.get("stored_s")),
            accuracy=_number(told.get("accuracy")),
            failure=failure.rstrip("."),
        )

    def _waiting(self, within_s: float, for_: str) -> Iterator[None]:
        """Again and again, until the caller has seen enough. Raises LaunchError when it is too
        late."""
        until = time.monotonic() + within_s
        while True:
            yield
            if not self._scene.wait(_ASK_AGAIN_S):
                raise LaunchError(f"{for_} before the load was over")
            if time.monotonic() > until:
                raise LaunchError(f"{for_} within {within_s:g} s")

    def _now_ns(self) -> int:
        """Since the window's start."""
        return time.monotonic_ns() - self._scene.start_ns


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)
