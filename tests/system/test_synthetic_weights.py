"""Weights that can't be had here, and `--synthetic-weights` in their place."""

from __future__ import annotations

import json
import re
import shutil
from hashlib import sha256

import pytest
from huggingface_hub import constants

from tests.system.conftest import Command
from tests.system.sandbox import BENCHMARK, Sandbox

pytestmark = pytest.mark.slow

WORDS = b"one\ntwo\n"
WEIGHTS = f"""
[weights]
hub = "some/model"
revision = "{"0" * 40}"
files = {{ "model.bin" = "{sha256(b"nowhere").hexdigest()}" }}

[synthetic]
hub = "some/words"
revision = "{"0" * 40}"
files = {{ "words.txt" = "{sha256(WORDS).hexdigest()}" }}

[[profile]]
"""
BUILD = """\
import os, pathlib, shutil, sys
assert os.environ["HARNESS_SYNTHETIC"] == "1"
shutil.copy(pathlib.Path(os.environ["HARNESS_WEIGHTS"]) / "words.txt", sys.argv[1])
"""


@pytest.fixture
def harness(cli: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line where `noop` needs weights, and no hub has them."""
    monkeypatch.setattr(constants, "ENDPOINT", "http://localhost:1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(sandbox.root / "hub"))
    folder = sandbox.benchmarks / "noop"
    (folder / "benchmark.toml").write_text(BENCHMARK.replace("\n[[profile]]\n", WEIGHTS, 1))
    (folder / "build.py").write_text(BUILD)
    kept = sandbox.cache / "weights" / sha256(WORDS).hexdigest()
    kept.parent.mkdir(parents=True)
    kept.write_bytes(WORDS)
    return cli


def test_without_the_option_nothing_runs_and_one_sentence_names_it(harness: Command) -> None:
    done = harness("run", "null")
    assert done.returncode == 4
    sentence = re.sub(r"reached \([^)]*\)", "reached", done.stderr.splitlines()[-1])
    assert sentence == (
        "error: No benchmark could be prepared. model.bin can't be had (hub some/model: it is "
        "not in the local cache, and localhost can't be reached): give --synthetic-weights to "
        "measure noop with seeded weights of the same architecture instead."
    )


def test_a_campaign_keeps_its_synthetic_weights_and_says_so(
    harness: Command, sandbox: Sandbox
) -> None:
    done = harness("run", "null", "--synthetic-weights", "--campaign", "mine")
    assert done.returncode == 0, done.stderr
    assert sandbox.campaign("mine").benchmarks["noop"].artefact == {"synthetic": True}
    lost = min(sandbox.places("mine").values())
    shutil.rmtree(lost)
    done = harness("run", "--resume", "mine")
    assert done.returncode == 0, done.stderr
    assert lost in sandbox.places("mine").values()


def test_verify_takes_the_option_too(harness: Command) -> None:
    done = harness("verify", "null", "--synthetic-weights")
    assert done.returncode == 0, done.stdout


def test_the_option_must_change_something(cli: Command) -> None:
    done = cli("run", "null", "--synthetic-weights")
    assert done.returncode == 2
    sentence = "--synthetic-weights: none of these benchmarks has any: noop."
    assert done.stderr == f"error: {sentence}\n"


def test_so_do_capacity_and_sweep(harness: Command, sandbox: Sandbox) -> None:
    options = ("--benchmark", "noop", "--synthetic-weights")
    done = harness("capacity", "_fake", *options, "--slo", "p99<5s", "--budget", "3s", "--json")
    assert json.loads(done.stdout)["results"][0]["variant"] == "_fake", done.stderr
    swept = ("--over", "concurrency", "--values", "1", "--duration", "0.3", "--campaign", "swept")
    done = harness("sweep", "_fake", *options, *swept)
    assert done.returncode == 0, done.stderr
    kept = [sandbox.campaign(place.name).benchmarks for place in sandbox.results.iterdir()]
    assert len(kept) == 2
    assert all(b.artefact == {"synthetic": True} for each in kept for b in each.values())
