"""The GPU that servers compute on, through NVIDIA's management library (NVML).

It is the first one that CUDA_VISIBLE_DEVICES lets them see, which is the one that predictors take.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from harness.base import paths

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_UUID = "GPU-"  # how each one begins
# Else CUDA counts the fastest one first, and NVML by the place on the bus.
_ORDER = ("CUDA_DEVICE_ORDER", "PCI_BUS_ID")


def why_not() -> str | None:
    """Why no GPU can be used on this machine, or None."""
    import pynvml

    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError as error:
        return f"no NVIDIA GPU with a working driver was found ({error})"
    if not count:
        return "the NVIDIA driver is there, but no GPU"
    try:
        _device()
    except (pynvml.NVMLError, ValueError, IndexError):
        return f"{_VISIBLE} names no GPU of this machine: {paths.variable(_VISIBLE)}"
    return None


def name() -> str | None:
    """The model of the GPU that servers compute on; None where there is none."""
    import pynvml

    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlDeviceGetName(_device()))
    except (pynvml.NVMLError, ValueError, IndexError):
        return None


def visible() -> tuple[str, ...]:
    """The GPUs named by CUDA_VISIBLE_DEVICES, in order, as numbers or UUIDs; empty: all."""
    named = paths.variable(_VISIBLE) or ""
    return tuple(part.strip() for part in named.split(",") if part.strip())


def environment() -> dict[str, str]:
    """The variables that show a server on a GPU its own."""
    if not visible():
        return {}
    order, by_bus = _ORDER
    return {_VISIBLE: ",".join(visible()), order: os.environ.get(order) or by_bus}


def reader() -> Callable[[], dict[str, int]]:
    """Reads the GPU's columns of samples.Usage; those that it does not tell are left out."""
    import pynvml

    pynvml.nvmlInit()
    device = _device()
    columns: dict[str, Callable[[], int]] = {
        "gpu_percent": lambda: int(pynvml.nvmlDeviceGetUtilizationRates(device).gpu),
        "gpu_bytes": lambda: _used_bytes(device),
        "gpu_milliwatts": lambda: int(pynvml.nvmlDeviceGetPowerUsage(device)),
    }

    def read() -> dict[str, int]:
        found = {}
        for name, value in columns.items():
            with suppress(pynvml.NVMLError):
                found[name] = value()
        return found

    return read


def _used_bytes(device: Any) -> int:
    """Memory in use, without what the driver reserves for itself where it tells them apart."""
    import pynvml

    try:
        return int(pynvml.nvmlDeviceGetMemoryInfo(device, version=pynvml.nvmlMemory_v2).used)
    except pynvml.NVMLError:  # a driver before 510
        return int(pynvml.nvmlDeviceGetMemoryInfo(device).used)


def _device() -> Any:
    """NVML's handle. Raises NVMLError, ValueError or IndexError where it names none."""
    import pynvml

    first = next(iter(visible()), "0")
    if first.removeprefix("-").isdecimal():
        if int(first) < 0 or int(first) >= pynvml.nvmlDeviceGetCount():
            raise IndexError(first)
        return pynvml.nvmlDeviceGetHandleByIndex(int(first))
    if first.startswith("MIG-"):
        return pynvml.nvmlDeviceGetHandleByUUID(first)
    # CUDA takes the beginning of a UUID too, where it names one GPU alone.
    devices = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
    named = [each for each in devices if str(pynvml.nvmlDeviceGetUUID(each)).startswith(first)]
    if len(named) != 1 or first == _UUID:
        raise ValueError(first)
    return named[0]
