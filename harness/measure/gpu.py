"""The GPU that servers compute on, through NVIDIA's management library (NVML)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress


def why_not() -> str | None:
    """Why no GPU can be used on this machine, or None."""
    import pynvml

    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError as error:
        return f"no NVIDIA GPU with a working driver was found ({error})"
    return None if count else "the NVIDIA driver is there, but no GPU"


def name() -> str | None:
    """The model of the GPU that servers compute on; None where there is none."""
    import pynvml

    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(0)))
    except pynvml.NVMLError:
        return None


def reader() -> Callable[[], dict[str, int]]:
    """Reads the GPU's columns of samples.Usage; those that it does not tell are left out.

    It is the first GPU, which is the one that the predictors take.
    """
    import pynvml

    pynvml.nvmlInit()
    device = pynvml.nvmlDeviceGetHandleByIndex(0)
    columns: dict[str, Callable[[], int]] = {
        "gpu_percent": lambda: int(pynvml.nvmlDeviceGetUtilizationRates(device).gpu),
        "gpu_bytes": lambda: int(pynvml.nvmlDeviceGetMemoryInfo(device).used),
        "gpu_milliwatts": lambda: int(pynvml.nvmlDeviceGetPowerUsage(device)),
    }

    def read() -> dict[str, int]:
        found = {}
        for name, value in columns.items():
            with suppress(pynvml.NVMLError):
                found[name] = value()
        return found

    return read
