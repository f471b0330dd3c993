"""What is read of a GPU, with a library in the place of NVIDIA's: no GPU is needed to test it."""

from __future__ import annotations

from types import SimpleNamespace

import pynvml
import pytest

from harness.measure import gpu


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A GPU at 40 %, with 2 GiB in use, that draws 70 W."""
    found = {
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: f"device {index}",
        "nvmlDeviceGetUtilizationRates": lambda _: SimpleNamespace(gpu=40, memory=9),
        "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(used=2 << 30, total=16 << 30),
        "nvmlDeviceGetPowerUsage": lambda _: 70_000,
        "nvmlDeviceGetName": lambda _: "Imaginary H1",
    }
    for name, value in found.items():
        monkeypatch.setattr(pynvml, name, value)
    return monkeypatch


def _not_supported(*_: object) -> int:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


def test_it_reads_use_memory_and_power(one_gpu: pytest.MonkeyPatch) -> None:
    assert gpu.why_not() is None
    assert gpu.name() == "Imaginary H1"
    assert gpu.reader()() == {"gpu_percent": 40, "gpu_bytes": 2 << 30, "gpu_milliwatts": 70_000}


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
    assert gpu.name() is None
