"""For predictors on PyTorch: the device and the threads that the harness asked for."""

from __future__ import annotations

import torch


def use(device: str, threads: int) -> torch.device:
    """Settle both for the whole process. Raises RuntimeError without the device."""
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device must be one of cpu, cuda, not {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            f"torch {torch.__version__} finds no CUDA device; "
            "install its CUDA build on a machine with a GPU, or use device cpu"
        )
    torch.set_num_threads(threads)
    return torch.device(device)
