"""The same model as predictor.py, on PyTorch and transformers; the two must answer alike."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import torch_device
from numpy.typing import NDArray
from safetensors.torch import load_file
from text_classifier import Ids, TextClassifier, open_tokenizer
from transformers import BertConfig, BertModel


class Model:
    """The encoder with its head; called as a text classifier's model."""

    def __init__(self, encoder: torch.nn.Module, weights: torch.Tensor, bias: torch.Tensor) -> None:
        self._encoder = encoder
        self._weights = weights  # (H, labels)
        self._bias = bias  # (labels,)

    @torch.inference_mode()
    def __call__(self, ids: Ids, mask: Ids) -> NDArray[np.float32]:
        """The labels' probabilities, (texts, labels)."""
        tokens, present = (torch.from_numpy(x).to(self._bias.device) for x in (ids, mask))
        hidden = self._encoder(input_ids=tokens, attention_mask=present).last_hidden_state
        # Scaled to unit length, the sum over the text's tokens equals their mean.
        total = (hidden * present.unsqueeze(-1)).sum(dim=1)
        embedding = torch.nn.functional.normalize(total, dim=1)
        return torch.softmax(embedding @ self._weights + self._bias, dim=1).numpy(force=True)


def load(artefact_dir: Path, device: str, threads: int) -> TextClassifier:
    """Read what build.py wrote. `device` is "cpu" or "cuda"; `threads` share one prediction.

    The number of threads holds for the whole process. Raises RuntimeError without the device.
    """
    place = torch_device.use(device, threads)
    head = json.loads((artefact_dir / "head.json").read_text("utf-8"))
    weights, bias = (torch.tensor(head[name], device=place) for name in ("weights", "bias"))
    model = Model(_open_encoder(artefact_dir).to(place), weights, bias)
    return TextClassifier(open_tokenizer(artefact_dir / "tokenizer.json"), head["labels"], model)


def _open_encoder(artefact_dir: Path) -> torch.nn.Module:
    """Raise KeyError where the weights file lacks a tensor that the encoder has."""
    config = BertConfig.from_json_file(str(artefact_dir / "config.json"))
    encoder: torch.nn.Module = BertModel(config, add_pooling_layer=False)
    # By hand, for from_pretrained prints a report about the pooler's weights, which are not used.
    stored = load_file(artefact_dir / "model.safetensors")
    encoder.load_state_dict({name: stored[name] for name in encoder.state_dict()})
    return encoder.eval()
