"""A model on this machine's GPU: its answers, and what NVIDIA's library tells of it.

Slow: it installs the CUDA build of PyTorch, where that is missing.
"""

from __future__ import annotations

import pynvml
import pytest

from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import METRICS
from harness.base import paths
from harness.measure.watch import gpu
from tests.system.sandbox import Sandbox

WHY_NOT = gpu.why_not()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))]
CELLS = {"fastapi-torch", "null", "in-process"}
VISIBLE = "CUDA_VISIBLE_DEVICES"
TOLD = ("gpu_percent", "gpu_bytes", "gpu_milliwatts")
MODEL_BYTES = 67_000_000 * 4  # parameters of DistilBERT, as float32


def test_the_driver_tells_everything() -> None:
    told = gpu.reader()()
    assert set(told) == set(TOLD)
    assert 0 <= told["gpu_percent"] <= 100
    assert told["gpu_bytes"] > 0
    assert told["gpu_milliwatts"] > 1000


def test_each_of_its_names_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VISIBLE, raising=False)
    model, count = gpu.name(), pynvml.nvmlDeviceGetCount()
    uuid = str(pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(0)))
    for name in ("", "0", f"0,{count}", uuid, uuid[: len("GPU-") + 8]):
        monkeypatch.setenv(VISIBLE, name)
        assert (gpu.why_not(), gpu.name()) == (None, model), name
        assert set(gpu.reader()()) == set(TOLD), name
    for name in (str(count), f"{count},0", "-1", uuid.removeprefix("GPU-")):
        monkeypatch.setenv(VISIBLE, name)
        assert gpu.why_not() == f"{VISIBLE} names no GPU of this machine: {name}"
        assert gpu.name() is None


def test_a_model_is_measured_on_the_gpu(sandbox: Sandbox) -> None:
    before = gpu.reader()()["gpu_bytes"]
    done = sandbox.harness(
        *("run", "fastapi-torch", "--device", "gpu", "--campaign", "c", "--rounds", "1"),
        *("--benchmark", "sentiment-distilbert", "--synthetic-weights", "--preset", "quick"),
        HARNESS_SERVERS=str(paths.servers_dir()),
        HARNESS_BENCHMARKS=str(paths.benchmarks_dir()),
        HARNESS_CACHE=str(paths.cache_dir()),
    )
    assert done.returncode == 0, done.stderr
    runs = {cell.variant_name: run for cell, run in sandbox.runs("c").items()}
    assert set(runs) == CELLS
    on = {name: run.facts.server.device for name, run in runs.items()}
    assert on == {"fastapi-torch": "gpu", "null": "cpu", "in-process": "cpu"}
    measured = runs["fastapi-torch"]
    assert measured.facts.verified  # with the CPU's answers, within the benchmark's tolerance
    found = {
        name: METRICS[name].formula(RunContext(run=measured))
        for name in METRICS
        if name.startswith("gpu_")
    }
    assert None not in found.values(), found
    assert 0 < (found["gpu_busy"] or 0) <= 100
    assert (found["gpu_memory"] or 0) * (1 << 20) > before + MODEL_BYTES
    assert (found["gpu_energy"] or 0) > 0
    assert gpu.reader()()["gpu_bytes"] < before + MODEL_BYTES  # it is given back
    assert sandbox.end_everything() == []
