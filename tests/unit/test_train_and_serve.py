"""Training while a Deployment serves, at a cluster that nobody runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.base.errors import LaunchError
from harness.measure.campaign.bench import Later
from harness.measure.cell import deployment_changes
from harness.measure.cell.changes import train_and_serve
from harness.measure.cell.deployment_changes import ChangesOrder
from harness.measure.cell.life import Life
from harness.measure.launch.kubernetes import TrainingJob
from harness.measure.talk.answers import Answers
from harness.measure.talk.model_versions import VersionedAnswers
from harness.measure.talk.talk import Talk
from harness.protocols import spoken
from harness.setup import judges, slo
from harness.setup.changes import TRAIN_AND_SERVE, ChangingTable
from harness.stored.pods import ClusterChange
from harness.windows.profiles import Profile
from tests.deployments import FakeDeployment, FakeStages, window_of

QUICK = ChangingTable(before_s=0.1, after_s=0.1, within_s=0.5)
CLOSED = Profile("saturated", "closed", 2.0, concurrency=8)
ANSWERS = Answers(
    expected=[{"label": "noop"}],
    tolerance=0,
    protocol=spoken("json"),
    rule=judges.named(judges.EQUAL),
)


@dataclass
class FakeTrainer:
    """Jobs that are over when they have been looked at often enough."""

    looks: int = 2  # until a Job is over, and then until all pods serve its version
    failure: str = ""  # of the last version's Job
    never: str = ""  # `job`, `cron` or `rollout`: what does not come
    odd: bool = False  # the Job says that it trained another version
    done: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    on: bool = False
    seen_of: dict[str, int] = field(default_factory=dict)
    asked: int = 0
    ended: bool = False

    def begin(self) -> str:
        self.made.append(f"job-{len(self.made) + 1}")
        return self.made[-1]

    def repeat(self, *, on: bool) -> None:
        self.done.append("repeat" if on else "pause")
        self.on = on

    def jobs(self) -> tuple[str, ...]:
        found = tuple(self.made)
        if self.on and self.never != "cron":
            self.begin()
        return found

    def seen(self, name: str) -> TrainingJob:
        looks = self.seen_of[name] = self.seen_of.get(name, 0) + 1
        if looks <= self.looks or self.never == "job":
            return TrainingJob(began=looks > 1)
        version = self.made.index(name) + 2
        if version == 3 and self.failure:
            return TrainingJob(began=True, over=True, failure=self.failure)
        told = {
            "version": version + self.odd,
            "trained_s": 1.5,
            "stored_s": 1,
            "accuracy": 0.9 if version == 2 else None,
        }
        return TrainingJob(began=True, over=True, told=told)

    def serves(self, version: int) -> bool:
        if version == 1:
            return self.ended
        self.asked += 1
        return self.never != "rollout" and self.asked > self.looks

    def end(self) -> None:
        self.done.append("end")
        self.ended = True


@dataclass(kw_only=True)
class Deployment(FakeDeployment):
    """One that is trained by that."""

    trained_by: Any

    def trainer(self, benchmark: object) -> Any:
        assert benchmark is not None
        return self.trained_by


@dataclass(kw_only=True)
class Stages(FakeStages):
    """Load of a benchmark."""

    bench: Any = None
    talk: Any = None


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_and_serve, "_ASK_AGAIN_S", 0.005)
    monkeypatch.setattr(train_and_serve, "_MINUTE_S", 0.3)


def undergone(
    trainer: FakeTrainer,
    artefact: Path,
    *,
    versions: tuple[int, ...] = (2, 3),
    image: str = "",
) -> tuple[ClusterChange, Stages, Life]:
    stages, deployment = Stages(), Deployment(trained_by=trainer)
    trained = tuple(
        Later(version=each, artefact=artefact, expected=({"label": f"noop-{each}"},))
        for each in versions
    )
    bench = SimpleNamespace(
        benchmark=SimpleNamespace(folder=Path("noop")), artefact=artefact, trained=trained
    )
    table = SimpleNamespace(replicas=1)
    stages.variant = SimpleNamespace(table=table, image=image)
    stages.bench = bench
    stages.talk = Talk(protocol=ANSWERS.protocol, path="/", messages=[], answers=ANSWERS)
    order = ChangesOrder(changes=(TRAIN_AND_SERVE,), told=QUICK, slo=slo.parse("p99<100ms"))
    life = Life(windows=[window_of(CLOSED)])
    deployment_changes.undergo(order, cast(Any, stages), cast(Any, deployment), life)
    (found,) = life.changes
    return found, stages, life


def test_a_job_and_then_a_cron_job_train_what_is_served(tmp_path: Path) -> None:
    trainer = FakeTrainer()
    found, stages, life = undergone(trainer, tmp_path)
    assert found.failure == ""
    first, second = found.trained
    assert [(run.version, run.by) for run in found.trained] == [(2, "Job"), (3, "CronJob")]
    for run in found.trained:
        assert run.failure == ""
        assert run.began_ns is not None
        assert run.ended_ns is not None
        assert run.served_ns is not None
        assert run.asked_ns <= run.began_ns <= run.ended_ns <= run.served_ns
        assert (run.trained_s, run.stored_s) == (1.5, 1.0)
    assert (first.accuracy, second.accuracy) == (0.9, None)
    assert trainer.done == ["repeat", "pause", "end"], "and no Job after those"
    assert [phase.name for phase in found.phases] == ["before", "during", "after"]
    assert "all pods serve version 3" in [happening.said for happening in found.happenings]
    assert stages.judged == [1], "each answer"
    assert len(life.windows) == 2


def test_answers_are_judged_by_all_versions_meanwhile_alone(tmp_path: Path) -> None:
    _, stages, _ = undergone(FakeTrainer(), tmp_path)
    assert stages.talk.answers is ANSWERS
    assert not isinstance(ANSWERS, VersionedAnswers)


@pytest.mark.parametrize(
    ("options", "version", "said"),
    [
        ({"failure": "build.py failed"}, 3, "build.py failed"),
        ({"never": "job"}, 2, "its Job did not end within 0.5 s"),
        ({"never": "cron"}, 3, "the CronJob made no Job within 0.3 s"),
        ({"never": "rollout"}, 2, "not all pods came to serve it within 0.5 s"),
        ({"odd": True}, 2, "its Job says that it trained version 3"),
    ],
)
def test_what_is_not_served_says_why_and_is_the_last(
    tmp_path: Path, options: dict[str, Any], version: int, said: str
) -> None:
    trainer = FakeTrainer(**options)
    found, _, _ = undergone(trainer, tmp_path)
    assert found.failure == f"version {version} is not served: {said}"
    assert (found.trained[-1].version, found.trained[-1].failure) == (version, said)
    assert trainer.done[-1] == "end", "whatever failed, the Deployment gets back what it had"
    assert not trainer.on
    assert found.recovery_s is None


def test_a_cluster_that_ends_in_the_middle_is_said(tmp_path: Path) -> None:
    class Gone(FakeTrainer):
        def seen(self, name: str) -> TrainingJob:
            raise LaunchError(f"The model's training in the cluster failed: {name} is gone.")

        def end(self) -> None:
            raise LaunchError("no answer either")

    found, _, life = undergone(Gone(), tmp_path)
    assert found.failure.startswith("version 2 is not served: The model's training")
    assert len(life.windows) == 2, "what was measured is kept"


def test_what_can_not_be_done_is_not_begun(tmp_path: Path) -> None:
    large, small = tmp_path / "large", tmp_path / "small"
    for folder, size in ((large, 3 << 19), (small, 1 << 20)):
        folder.mkdir()
        (folder / "model").write_bytes(bytes(size))
    for artefact, options, said in (
        (small, {"versions": ()}, "the model of noop has no other version"),
        (small, {"image": "theirs:1"}, "its image is none of ours"),
        (large, {}, "the model of noop has 1.5 MiB, and a ConfigMap"),
    ):
        trainer = FakeTrainer()
        found, stages, life = undergone(trainer, artefact, **cast(Any, options))
        assert said in found.failure
        assert (trainer.made, stages.profiles, len(life.windows)) == ([], [], 1)


def test_the_last_words_of_a_job_are_json_after_whatever_else() -> None:
    from harness.measure.launch.kubernetes import training

    log = "built\n" + json.dumps({"version": 2}) + "\n"
    assert training._told(log) == {"version": 2}
    assert training._told("[1]\nkilled") == {}
