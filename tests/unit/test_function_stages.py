"""A function's windows hold what its front saw, and one request can be asked by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from harness.base.errors import LaunchError
from harness.measure.campaign.bench import Bench
from harness.measure.cell.function_stages import FunctionStages
from harness.measure.launch.launchers import Launched, Launcher
from harness.measure.load.generator.pool import Generator
from harness.measure.prepare.environments import Environment
from harness.stored.functions import OUT_OF_MEMORY
from harness.windows.invocations import Invocations
from harness.windows.samples import empty
from tests.unit.conftest import Project
from tests.unit.test_cold import FakeFunction
from tests.unit.test_stages import POISSON, WRONG, FakeGenerator, FakeLaunched


class FrontOnly(FakeFunction):
    """Notes what it is asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked: list[tuple[int, int]] = []

    def calls(self) -> Any:
        return FakeLaunched(self.folder).calls()

    def sample(self, **_: bool) -> Any:
        return {"cpu_ns": 1}

    def invocations(self, start_ns: int, end_ns: int) -> Invocations:
        self.asked.append((start_ns, end_ns))
        rows: Invocations = empty(Invocations)
        return rows


def made(project: Project, generator: FakeGenerator) -> FunctionStages:
    bench = Bench(
        benchmark=project.bench(),
        artefact=project.root,
        payloads=(1, 2),
        expected=(1, 2),
        warm_up_s=1.0,
        verify_share=1.0,
    )
    return FunctionStages(
        project.variant(),
        bench,
        Environment(bin=project.root, key="key"),
        cast(Launcher, None),
        cast(Generator, generator),
        (0,),
        "cpu",
        1,
        project.root,
    )


def test_a_window_has_the_invocations_of_its_time(project: Project, tmp_path: Path) -> None:
    front, generator = FrontOnly(tmp_path), FakeGenerator()
    generator.start_ns = 5_000
    window = made(project, generator).load(cast(Launched, front), POISSON)
    assert len(window.invocations) == 0
    assert front.asked == [(5_000, 5_000 + 10**9)]


def test_one_request_is_sent_once_and_judged(project: Project, tmp_path: Path) -> None:
    generator = FakeGenerator(lambda payload: json.dumps({"predictions": [payload + 1]}).encode())
    generator.start_ns = 5_000
    asked = made(project, generator).once(cast(Launched, FrontOnly(tmp_path)), 7.0)
    assert (asked.sent_ns, asked.done_ns, asked.trouble) == (5_000, 5_000, "")
    (job,) = generator.jobs
    assert (job.limit, job.concurrency, job.timeout_ns, job.resends) == (1, 1, 7 * 10**9, False)
    assert np.array_equal(job.payload, [0])


def test_a_wrong_answer_is_trouble(project: Project, tmp_path: Path) -> None:
    stages = made(project, FakeGenerator(lambda _: WRONG))
    asked = stages.once(cast(Launched, FrontOnly(tmp_path)), 7.0)
    assert "expected 1, got 'wrong'" in asked.trouble


def test_what_does_not_get_ready_says_what_became_of_its_instances(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = FrontOnly(tmp_path)
    said = "Runtime exited with error: signal: killed: out of memory, an instance may use 512 MB"
    front.log.write_text(f"RequestId: a Error: {said}\n")

    def fail(*_: object) -> None:
        raise LaunchError("It did not get ready.")

    monkeypatch.setattr("harness.measure.cell.stages.Stages.ready", fail)
    with pytest.raises(LaunchError) as caught:
        made(project, FakeGenerator()).ready(cast(Launched, front))
    assert str(caught.value) == f"It did not get ready: {said}."
    assert OUT_OF_MEMORY in said
