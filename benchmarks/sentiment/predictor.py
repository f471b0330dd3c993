"""Sentiment of English sentences: the MiniLM-L6 encoder with a linear head, on ONNX Runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

MAX_TOKENS = 128  # longer texts are cut
MAX_CHARACTERS = 100_000  # longer ones are no sentences
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

Tokens = tuple[NDArray[np.int64], NDArray[np.int64]]


class Predictor:
    """Safe to call from several threads: nothing in it changes after `load`."""

    def __init__(
        self, session: onnxruntime.InferenceSession, tokenizer: Tokenizer, labels: list[str]
    ) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._labels = labels

    def predict(self, instances: list[Any]) -> list[dict[str, Any]]:
        """Label each text, in order; `score` is the probability of the label that was chosen.

        Raises ValueError naming the first instance that is not text.
        """
        texts = checked_texts(instances)
        if not texts:
            return []
        probabilities = run(self._session, tokenized(self._tokenizer, texts))
        chosen = probabilities.argmax(axis=1)
        return [
            {"label": self._labels[column], "score": float(row[column])}
            for row, column in zip(probabilities, chosen.tolist(), strict=True)
        ]


def load(artefact_dir: Path, device: str, threads: int) -> Predictor:
    """Read what build.py wrote. `device` is "cpu" or "cuda"; `threads` share one prediction."""
    labels: list[str] = json.loads((artefact_dir / "head.json").read_text("utf-8"))["labels"]
    session = open_session(str(artefact_dir / "model.onnx"), device, threads)
    return Predictor(session, open_tokenizer(artefact_dir / "tokenizer.json"), labels)


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


def open_tokenizer(path: Path) -> Tokenizer:
    """Settle its state once: changing it per call would race between threads."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()  # the file asks for 128 tokens always; `tokenized` pads to the longest
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def checked_texts(instances: list[Any]) -> list[str]:
    """Raise ValueError naming the first instance that is no text, empty, or far too long."""
    for index, instance in enumerate(instances):
        if not isinstance(instance, str):
            kind = type(instance).__name__
            raise ValueError(f"instance {index} must be a string, not {kind}")
        if not instance.strip():
            raise ValueError(f"instance {index} is empty")
        if len(instance) > MAX_CHARACTERS:
            raise ValueError(f"instance {index} has more than {MAX_CHARACTERS} characters")
        try:
            instance.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"instance {index} is not valid Unicode text: {error.reason}"
            ) from None
    return instances


def tokenized(tokenizer: Tokenizer, texts: list[str]) -> Tokens:
    """Token ids and mask, int64 (texts, tokens of the longest), filled up with 0."""
    # One by one: encode_batch would use a thread pool over all cores, whatever `threads` says.
    rows = [tokenizer.encode(text).ids for text in texts]
    lengths = np.array([len(row) for row in rows])
    mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
    ids = np.zeros_like(mask)
    ids[mask == 1] = np.concatenate(rows)
    return ids, mask


def run(session: onnxruntime.InferenceSession, tokens: Tokens) -> NDArray[np.float32]:
    """The graph's only output, (texts, columns)."""
    ids, mask = tokens
    (output,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    return np.asarray(output, np.float32)
