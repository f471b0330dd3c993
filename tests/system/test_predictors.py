"""Predictors that do not keep their word: a sentence names them, with their last lines."""

from __future__ import annotations

import pytest

from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow
HEAD = """
class Predictor:
    def predict(self, instances):
        {body}


def load(artefact_dir, device, threads):
    return Predictor()
"""
OF_THE_THIRD = "return [%s if instances == ['noop'] else 1]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_module\n", "No module named 'no_such_module'"),
        ("raise SystemExit('no licence')\n", "no licence"),
        (HEAD.format(body="return []"), "gave 0 predictions for one instance"),
        (HEAD.format(body="return [1, 2]"), "gave 2 predictions for one instance"),
        (HEAD.format(body="raise LookupError('a strange\\\\nplace')"), "LookupError"),
        (HEAD.format(body="raise SystemExit(3)"), "exit code 3"),
        (HEAD.format(body="return None"), 'no list "predictions"'),
        (
            HEAD.format(body="return [{1, 2}]"),
            "of payload 1 (the first is 1) it gave no prediction",
        ),
        (HEAD.format(body="return [{1, 2}]"), "not JSON serializable"),
        (
            HEAD.format(body=OF_THE_THIRD % "{1}"),
            "of payload 3 (the first is 1) it gave no prediction",
        ),
        (HEAD.format(body=OF_THE_THIRD % "1 / 0"), "of payload 3 (the first is 1) it gave"),
        (
            HEAD.format(body="import os; " + OF_THE_THIRD % "os._exit(7)"),
            "it ended with exit code 7",
        ),
    ],
)
def test_it_is_named(sandbox: Sandbox, text: str, said: str) -> None:
    (sandbox.benchmarks / "noop" / "predictor.py").write_text(text)
    done = sandbox.harness("run", "_fake", "--campaign", "c")
    assert done.returncode in (1, 4), done.stderr
    assert "Traceback (most recent call last)\n" not in done.stderr
    assert "the predictor noop/predictor.py" in done.stderr
    assert said in done.stderr
