"""The same model as predictor.py, on PyTorch and transformers; the two must answer alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch_device
from numpy.typing import NDArray
from text_classifier import Ids, TextClassifier, open_tokenizer
from transformers import DistilBertForSequenceClassification


class Model:
    """The network; called as a text classifier's model."""

    def __init__(self, network: torch.nn.Module, place: torch.device) -> None:
        self._network = network.to(place).eval()
        self._place = place

    @torch.inference_mode()
    def __call__(self, ids: Ids, mask: Ids) -> NDArray[np.float32]:
        """The labels' probabilities, (texts, labels)."""
        tokens, present = (torch.from_numpy(x).to(self._place) for x in (ids, mask))
        logits = self._network(input_ids=tokens, attention_mask=present).logits
        return torch.softmax(logits, dim=1).numpy(force=True)


def load(artefact_dir: Path, device: str, threads: int) -> TextClassifier:
    """Read what build.py wrote. `device` is "cpu" or "cuda"; `threads` share one prediction.

    The number of threads holds for the whole process. Raises RuntimeError without the device, or
    where the weights are not all there.
    """
    place = torch_device.use(device, threads)
    network, report = DistilBertForSequenceClassification.from_pretrained(
        artefact_dir, local_files_only=True, output_loading_info=True
    )
    if report["missing_keys"]:  # it would go on with random ones
        raise RuntimeError(f"model.safetensors lacks {', '.join(sorted(report['missing_keys']))}")
    names = network.config.id2label
    labels = [names[column] for column in range(len(names))]
    tokenizer = open_tokenizer(artefact_dir / "tokenizer.json")
    return TextClassifier(tokenizer, labels, Model(network, place))
