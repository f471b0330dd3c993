"""Sentiment of English sentences: DistilBERT, fine-tuned on SST-2, on ONNX Runtime."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from onnx_session import open_session, run
from text_classifier import TextClassifier, open_tokenizer


def load(artefact_dir: Path, device: str, threads: int) -> TextClassifier:
    """Read what build.py wrote. `device` is "cpu" or "cuda"; `threads` share one prediction."""
    names = json.loads((artefact_dir / "config.json").read_text("utf-8"))["id2label"]
    labels = [names[str(column)] for column in range(len(names))]
    session = open_session(str(artefact_dir / "model.onnx"), device, threads)
    tokenizer = open_tokenizer(artefact_dir / "tokenizer.json")
    return TextClassifier(tokenizer, labels, partial(run, session))
