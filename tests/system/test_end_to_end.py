"""The real command line on real frameworks and real weights. Slow: it installs what is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.base import paths
from harness.stored.records import Run
from tests.system.conftest import kept
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow
PRESETS = """\
[preset.short]
benchmarks = ["sentiment"]
profiles = ["steady", "saturated"]
rounds = 1
duration_scale = 0.2
warm_up_s = 0.5
"""
SERVED = ("fastapi", "litserve")
VARIANTS = ("in-process", "null", *SERVED)
BENCHMARKS = ("sentiment", "iris")
PAYLOADS = {"sentiment": 602, "iris": 150}
CELLS = [(benchmark, variant) for benchmark in BENCHMARKS for variant in VARIANTS]


@dataclass(frozen=True)
class Outcome:
    """What the campaign printed and kept."""

    done: subprocess.CompletedProcess[str]
    printed: dict[str, Any]
    runs: dict[tuple[str, str], Run]  # by benchmark and variant
    sandbox: Sandbox


@pytest.fixture(scope="module")
def outcome(short_folder: Path) -> Iterator[Outcome]:
    places = kept(short_folder)
    sandbox = next(places)
    benchmarks = sandbox.root / "real-benchmarks"
    shutil.copytree(paths.PROJECT / "benchmarks", benchmarks)
    (benchmarks / "presets.toml").write_text(PRESETS)
    real = {
        "HARNESS_SERVERS": str(paths.PROJECT / "servers"),
        "HARNESS_BENCHMARKS": str(benchmarks),
        "HARNESS_CACHE": str(paths.cache_dir()),  # the user's own: environments take minutes
    }
    chosen = [word for name in BENCHMARKS for word in ("--benchmark", name)]
    options = ["--preset", "short", "--rounds", "1", "--campaign", "real", "--json"]
    done = sandbox.harness("run", *SERVED, *chosen, *options, **real)
    assert done.stdout, done.stderr
    runs = {(r.cell.benchmark_name, r.cell.variant_name): r for r in sandbox.runs("real").values()}
    yield Outcome(done, json.loads(done.stdout), runs, sandbox)
    next(places, None)


def test_everything_is_well(outcome: Outcome) -> None:
    assert outcome.done.returncode == 0, outcome.done.stderr
    found = [(c["benchmark"], c["variant"], c["outcome"]) for c in outcome.printed["cells"]]
    assert sorted(found) == sorted((*cell, "ok") for cell in CELLS)
    assert not outcome.sandbox.processes()


def test_there_is_a_report(outcome: Outcome) -> None:
    page = Path(outcome.printed["report"]).read_text()
    for words in (*VARIANTS, *BENCHMARKS, "FastAPI", "LitServe"):
        assert words in page


@pytest.mark.parametrize("cell", CELLS, ids=" ".join)
def test_every_window_was_answered(outcome: Outcome, cell: tuple[str, str]) -> None:
    for window in outcome.runs[cell].profiles:
        assert len(window.requests) > 0
        assert window.requests.ok.all()
        assert window.facts.wrong == 0


@pytest.mark.parametrize("cell", CELLS, ids=" ".join)
def test_every_answer_was_verified_but_for_the_null_server(
    outcome: Outcome, cell: tuple[str, str]
) -> None:
    benchmark, variant = cell
    expected = 0 if variant == "null" else PAYLOADS[benchmark]
    assert outcome.runs[cell].facts.verified == expected


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_all_variants_had_the_same_load(outcome: Outcome, benchmark: str) -> None:
    theirs = [outcome.runs[benchmark, name].profiles[0].requests for name in VARIANTS]
    for requests in theirs[1:]:
        np.testing.assert_array_equal(requests.due_ns, theirs[0].due_ns)
        np.testing.assert_array_equal(requests.payload, theirs[0].payload)


@pytest.mark.parametrize("variant", SERVED)
@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_the_predictor_was_seen_from_the_inside(
    outcome: Outcome, benchmark: str, variant: str
) -> None:
    run = outcome.runs[benchmark, variant]
    for window in run.profiles:
        calls = window.calls
        assert (calls.batch == 1).all(), "these variants do not batch"
        assert len(calls.batch) == len(window.requests)
        assert (calls.duration_ns > 0).all()
        assert calls.duration_ns.mean() < window.requests.service_ns().mean()


@pytest.mark.parametrize("variant", SERVED)
def test_what_ran_is_read_back(outcome: Outcome, variant: str) -> None:
    run = outcome.runs["sentiment", variant]
    lock = (paths.PROJECT / "servers" / variant / "requirements.txt").read_text()
    assert f"\n{variant}=={run.facts.server.version}" in f"\n{lock}"
    assert run.facts.startup is not None
    assert run.facts.startup.ready_s > 0
    assert run.facts.stop is not None
    assert run.facts.stop.killed == 0
    usage = run.profiles[0].usage
    assert usage.pss_bytes[0] > 10e6
    assert usage.cpu_ns[-1] > usage.cpu_ns[0]
