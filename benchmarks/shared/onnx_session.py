"""For predictors on ONNX Runtime: a session with the settings that make measurements fair."""

from __future__ import annotations

import numpy as np
import onnxruntime
from numpy.typing import NDArray

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def open_session(model: str | bytes, device: str, threads: int) -> onnxruntime.InferenceSession:
    """Raise RuntimeError where this ONNX Runtime cannot run on `device`."""
    provider = PROVIDERS.get(device)
    if provider is None:
        raise ValueError(f"device must be one of {', '.join(PROVIDERS)}, not {device!r}")
    if provider not in onnxruntime.get_available_providers():
        raise RuntimeError(f"this onnxruntime has no {provider}: install onnxruntime-gpu")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Idle threads that spin would take processor time from the framework under test.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(model, options, providers=[provider])
    # A GPU that fails to start is silently replaced by the CPU, and would be measured as a GPU.
    if provider not in session.get_providers():
        raise RuntimeError(f"onnxruntime could not start {provider}: see its messages above")
    return session


def run(
    session: onnxruntime.InferenceSession, ids: NDArray[np.int64], mask: NDArray[np.int64]
) -> NDArray[np.float32]:
    """The only output, (texts, columns), of a graph of texts."""
    (output,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    return np.asarray(output, np.float32)
