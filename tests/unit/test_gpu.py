"""What is read of a GPU, with a library in the place of NVIDIA's: no GPU is needed to test it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from harness.measure.launch.containers import engine, options
from harness.measure.launch.containers.images import Image
from harness.measure.launch.launchers import LaunchOrder
from harness.measure.watch import gpu, host
from harness.setup import catalog
from harness.stored.container import ImageFacts

GPU = [[["gpu"]]]


def _memory(_: object, version: object = None) -> SimpleNamespace:
    """As an H200's driver tells it: the first version counts 615 MiB of the driver's as used."""
    reserved = 0 if version == pynvml.nvmlMemory_v2 else 615 << 20
    return SimpleNamespace(used=(2 << 30) + reserved, total=16 << 30)


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A GPU at 40 %, with 2 GiB in use, that draws 70 W."""
    found = {
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: f"device {index}",
        "nvmlDeviceGetUtilizationRates": lambda _: SimpleNamespace(gpu=40, memory=9),
        "nvmlDeviceGetMemoryInfo": _memory,
        "nvmlDeviceGetPowerUsage": lambda _: 70_000,
        "nvmlDeviceGetName": lambda _: "NVIDIA L4",
    }
    for name, value in found.items():
        monkeypatch.setattr(pynvml, name, value)
    return monkeypatch


def _not_supported(*_: object) -> int:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


def test_it_reads_use_memory_and_power(one_gpu: pytest.MonkeyPatch) -> None:
    assert gpu.why_not() is None
    assert gpu.reader()() == {"gpu_percent": 40, "gpu_bytes": 2 << 30, "gpu_milliwatts": 70_000}


def test_a_driver_that_knows_the_first_version_alone_counts_its_own(
    one_gpu: pytest.MonkeyPatch,
) -> None:
    def old(device: object, version: object = None) -> SimpleNamespace:
        if version is not None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        return _memory(device)

    one_gpu.setattr(pynvml, "nvmlDeviceGetMemoryInfo", old)
    assert gpu.reader()()["gpu_bytes"] == (2 << 30) + (615 << 20)


def test_its_model_is_part_of_the_machine(one_gpu: pytest.MonkeyPatch) -> None:
    assert host.environment()["gpu"] == "NVIDIA L4"
    one_gpu.setattr(pynvml, "nvmlDeviceGetName", _not_supported)
    assert gpu.name() is None
    assert "gpu" not in host.environment()


def test_what_it_does_not_tell_is_left_out(one_gpu: pytest.MonkeyPatch) -> None:
    one_gpu.setattr(pynvml, "nvmlDeviceGetPowerUsage", _not_supported)
    assert gpu.reader()() == {"gpu_percent": 40, "gpu_bytes": 2 << 30}


def test_a_driver_without_a_gpu_is_said(one_gpu: pytest.MonkeyPatch) -> None:
    one_gpu.setattr(pynvml, "nvmlDeviceGetCount", lambda: 0)
    assert gpu.why_not() == "the NVIDIA driver is there, but no GPU"


def test_no_driver_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)
    assert (gpu.why_not() or "").startswith("no NVIDIA GPU with a working driver was found")


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({"Runtimes": {"runc": {}}}, "nvidia-container-toolkit"),
        ({"Runtimes": {"runc": {}, "nvidia": {}}}, None),
        ({"Runtimes": {}, "DiscoveredDevices": [{"ID": "nvidia.com/gpu=all"}]}, None),
    ],
)
def test_an_engine_needs_nvidia_s_runtime(
    one_gpu: pytest.MonkeyPatch, info: dict[str, object], said: str | None
) -> None:
    client: Any = SimpleNamespace(info=lambda: info)
    reason = engine.why_no_gpu(client)
    assert reason is None if said is None else said in (reason or "")


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_a_container_gets_the_gpu_where_it_is_to_use_it(device: str, tmp_path: Path) -> None:
    facts = ImageFacts(
        tag="some:1",
        id="sha256:1",
        size_bytes=1,
        base="base",
        build_s=None,
        steps=0,
        steps_reused=0,
    )
    variant, benchmark = catalog.variants()["fastapi-torch"], catalog.benchmarks()["sentiment"]
    image = Image(facts, {})
    order = LaunchOrder(variant, image, benchmark, tmp_path, 1, device, (0,), {}, tmp_path)
    made = options.options(order, owner="me")
    requests = made.get("device_requests", [])
    assert [request["Capabilities"] for request in requests] == ([] if device == "cpu" else GPU)
    assert made["environment"]["HARNESS_DEVICE"] == ("cpu" if device == "cpu" else "cuda")
    assert variant.device_for(device) == device
    assert catalog.variants()["in-process"].device_for(device) == "cpu"


UUIDS = ("GPU-aaaa-1", "GPU-bbbb-2")


@pytest.fixture
def two_gpus(one_gpu: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    one_gpu.setattr(pynvml, "nvmlDeviceGetCount", lambda: 2)
    uuid = {f"device {number}": uuid for number, uuid in enumerate(UUIDS)}
    one_gpu.setattr(pynvml, "nvmlDeviceGetUUID", lambda device: uuid[device])
    one_gpu.setattr(pynvml, "nvmlDeviceGetName", lambda device: f"the {device}")
    one_gpu.delenv("CUDA_DEVICE_ORDER", raising=False)
    return one_gpu


@pytest.mark.parametrize(
    ("named", "device"),
    [(None, 0), ("", 0), ("1", 1), ("1,0", 1), (" 0", 0), ("GPU-bbbb-2", 1), ("GPU-b", 1)],
)
def test_the_gpu_that_is_read_is_the_first_that_servers_see(
    two_gpus: pytest.MonkeyPatch, named: str | None, device: int
) -> None:
    two_gpus.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if named is not None:
        two_gpus.setenv("CUDA_VISIBLE_DEVICES", named)
    assert gpu.why_not() is None
    assert gpu.name() == f"the device {device}"


@pytest.mark.parametrize("named", ["2", "-1", "GPU-c", "GPU-", "GPU", "all"])
def test_a_name_of_no_gpu_is_said(two_gpus: pytest.MonkeyPatch, named: str) -> None:
    two_gpus.setenv("CUDA_VISIBLE_DEVICES", named)
    assert gpu.why_not() == f"CUDA_VISIBLE_DEVICES names no GPU of this machine: {named}"
    assert gpu.name() is None


def test_a_server_is_told_which_it_may_see_by_nvml_s_numbers(two_gpus: pytest.MonkeyPatch) -> None:
    two_gpus.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpu.environment() == {}
    two_gpus.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert gpu.environment() == {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_a_container_gets_that_gpu_alone(two_gpus: pytest.MonkeyPatch, tmp_path: Path) -> None:
    two_gpus.setenv("CUDA_VISIBLE_DEVICES", "GPU-bbbb-2")
    facts = ImageFacts(
        tag="some:1",
        id="sha256:1",
        size_bytes=1,
        base="base",
        build_s=None,
        steps=0,
        steps_reused=0,
    )
    variant, benchmark = catalog.variants()["fastapi-torch"], catalog.benchmarks()["sentiment"]
    order = LaunchOrder(
        variant, Image(facts, {}), benchmark, tmp_path, 1, "gpu", (0,), {}, tmp_path
    )
    (request,) = options.options(order, owner="me")["device_requests"]
    assert request["DeviceIDs"] == ["GPU-bbbb-2"]
    assert not request["Count"]
