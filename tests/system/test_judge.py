"""A model whose answers have no order, judged by the judge that its benchmark names."""

from __future__ import annotations

import pytest

from tests.cells import cell_of
from tests.system.sandbox import BENCHMARK, Sandbox

PREDICTOR = """\
import random


class Model:
    def predict(self, instances):
        return [random.sample("abcdefgh", 8) for _ in instances]


def load(artefact_dir, device, threads):
    return Model()
"""


@pytest.fixture
def shuffled(sandbox: Sandbox) -> Sandbox:
    (sandbox.benchmarks / "noop" / "predictor.py").write_text(PREDICTOR)
    return sandbox


@pytest.mark.slow
def test_an_answer_in_another_order_is_wrong_by_the_usual_judge(shuffled: Sandbox) -> None:
    done = shuffled.harness("verify", "_fake", "--benchmark", "noop")
    assert done.returncode == 1
    assert "expected ['" in done.stdout + done.stderr


@pytest.mark.slow
def test_and_right_by_the_one_that_its_benchmark_names(shuffled: Sandbox) -> None:
    table = shuffled.benchmarks / "noop" / "benchmark.toml"
    table.write_text(f'judge = "set"\n{BENCHMARK}')
    done = shuffled.harness("run", "_fake", "--benchmark", "noop", "--campaign", "sets")
    assert done.returncode == 0, done.stderr
    assert shuffled.campaign("sets").benchmarks["noop"].judge == "set"
    run = shuffled.runs("sets")[cell_of("_fake", "noop", 1)]
    assert run.facts.verified > 0
    assert sum(window.facts.checked for window in run.windows) > 0
    assert sum(window.facts.wrong for window in run.windows) == 0
