"""The windows of a Deployment: their moments, their connections, and changes that end them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from harness.measure.campaign.bench import Bench
from harness.measure.cell.deployment_stages import DeploymentStages, Span
from harness.measure.launch.launchers import Launched, Launcher
from harness.measure.load.generator.job import Fired
from harness.measure.load.generator.pool import Generator
from harness.measure.prepare.environments import Environment
from harness.setup.catalog import Variant
from harness.stored.identity import VARIANT, Point
from tests.unit.conftest import Project
from tests.unit.test_stages import POISSON, FakeGenerator, FakeLaunched


class Cuttable(FakeGenerator):
    """It goes on until it is cut."""

    start_ns = 5_000
    cuts = 0

    def wait(self, seconds: float) -> bool:
        time.sleep(min(seconds, 0.01))
        return self.cuts > 0

    def cut(self) -> None:
        self.cuts += 1

    def result(self) -> Fired:
        whole = super().result()
        return replace(whole, cut_s=0.5, unanswered=3) if self.cuts else whole


def made(project: Project, generator: FakeGenerator, **table: Any) -> DeploymentStages:
    bench = Bench(
        benchmark=project.bench(),
        artefact=project.root,
        payloads=(1, 2),
        expected=(1, 2),
        warm_up_s=1.0,
        verify_share=1.0,
    )
    variant: Variant = project.variant()
    point = table.pop("point", None)
    variant = replace(variant, table=variant.table.model_copy(update=table), point=point)
    return DeploymentStages(
        variant,
        bench,
        Environment(bin=project.root, key="key"),
        cast(Launcher, None),
        cast(Generator, generator),
        (0,),
        "cpu",
        1,
        project.root,
    )


@pytest.fixture
def launched(tmp_path: Path) -> Launched:
    return cast(Launched, FakeLaunched(tmp_path))


def test_it_is_known_when_windows_were(project: Project, launched: Launched) -> None:
    generator = FakeGenerator()
    generator.start_ns = 5_000
    stages = made(project, generator)
    stages.load(launched, POISSON)
    assert stages.spans == (Span(profile="steady", start_ns=5_000, end_ns=5_000 + 10**9),)


def test_connections_are_renewed_where_there_may_be_several_pods(
    project: Project, launched: Launched
) -> None:
    generator = FakeGenerator()
    point = Point("replicas", 1, VARIANT)
    for table in ({}, {"replicas": 2}, {"point": point}):
        made(project, generator, **table).load(launched, POISSON)
    alone, several, scaled = generator.jobs
    assert alone.renew_ns is None, "as of any other server"
    assert several.renew_ns == scaled.renew_ns == 2 * 10**9
    assert several.max_connections < alone.max_connections


def test_a_change_ends_its_window(project: Project, launched: Launched) -> None:
    generator = Cuttable()
    begun: list[Any] = []
    asked: list[int] = []

    def is_over() -> bool:
        asked.append(generator.cuts)
        return len(asked) > 2

    stages = made(project, generator)
    found = stages.under_change(launched, POISSON, begun.append, is_over, 1)
    assert begun == [generator]
    assert asked == [0, 0, 0], "cut when it is over, and not asked any more"
    assert found.window.facts.profile == replace(POISSON, duration_s=0.5)
    assert found.unanswered == 3
    assert found.span.start_ns == 5_000
    (job,) = generator.jobs
    assert (job.resends, job.keep_every) == (False, 1)
    generator.cuts = 1
    stages.load(launched, POISSON)
    assert len(asked) == 3, "a later window has its own end"
