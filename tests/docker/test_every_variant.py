"""Every variant comes up as a container and answers as the reference does.

Two commands verify half of the servers each, beside one another: nothing is timed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from docker import DockerClient

from harness.base import paths
from harness.setup import catalog
from harness.setup.catalog import Variant
from harness.stored import plan
from tests.contract.locks import assert_locked
from tests.docker.conftest import BASE, engine_lock

# One fixture builds the image of every server and brings up every variant.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]
HALVES = 2
LIMIT_S = 6 * 3600  # what takes so long will not end, however busy the machine is
# Small, and made without weights; PyTorch has a predictor for the other only.
BENCHMARK = "iris"
TORCH = "sentiment"


def _public() -> list[Variant]:
    """What `run --all --launcher docker` measures, but for the reference points."""
    return [
        variant
        for name, variant in sorted(catalog.variants().items())
        if variant.table.in_all
        and not name.startswith("_")
        and not variant.table.reference
        and not variant.table.fires
        and not variant.table.launchers  # others start them
    ]


def _serves(variant: Variant, benchmark: str) -> bool:
    return plan.why_not(variant, catalog.benchmarks()[benchmark], "cpu") is None


PAIRS = [(v.name, BENCHMARK if _serves(v, BENCHMARK) else TORCH) for v in _public()]


@pytest.fixture(scope="module")
def verified(
    engine: DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], dict[str, Any]]:
    """What `verify` said, by row and benchmark."""
    servers = sorted({variant.server.name for variant in _public()})
    jobs = []
    for half in (servers[number::HALVES] for number in range(HALVES)):
        for benchmark in (BENCHMARK, TORCH):
            names = [n for n, b in PAIRS if b == benchmark and _server_of(n) in half]
            jobs.append((names, benchmark, tmp_path_factory.mktemp("verify")))
    with engine_lock(), ThreadPoolExecutor(HALVES) as pool:
        done = list(pool.map(lambda job: _verify(*job), [job for job in jobs if job[0]]))
    rows = {}
    for command in done:
        for line in command.stdout.splitlines():
            row = json.loads(line)
            rows[row["variant"], row["benchmark"]] = row
    return rows


def _server_of(name: str) -> str:
    return catalog.variants()[name].server.name


def _verify(names: list[str], benchmark: str, scratch: Any) -> subprocess.CompletedProcess[str]:
    # The machine-wide lock is in TMPDIR.
    settings = {"TMPDIR": str(scratch), **({"HARNESS_BASE_IMAGE": BASE} if BASE else {})}
    words = ["verify", *names, "--launcher", "docker", "--benchmark", benchmark, "--json"]
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        env={**os.environ, **settings},
        cwd=paths.PROJECT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.mark.parametrize(("variant", "benchmark"), PAIRS)
def test_every_answer_is_right(
    verified: dict[tuple[str, str], dict[str, Any]], variant: str, benchmark: str
) -> None:
    row = verified[f"{variant}@docker", benchmark]
    assert row["outcome"] == "ok", f"{row['message']}\n{row['log']}"
    assert row["verified"] == len(catalog.benchmarks()[benchmark].payloads())


@pytest.mark.parametrize(
    ("variant", "benchmark"),
    [(name, each) for name, each in PAIRS if catalog.variants()[name].server.table.package],
)
def test_the_version_is_read_back(
    verified: dict[tuple[str, str], dict[str, Any]], variant: str, benchmark: str
) -> None:
    row = verified[f"{variant}@docker", benchmark]
    assert_locked(catalog.variants()[variant], row["version"])
