"""The same model as predictor.py, on PyTorch and transformers.

It stands alone, so that its environment needs no ONNX Runtime: text is checked and tokenised
here as it is there, and the two must keep giving the same answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

MAX_TOKENS = 128  # longer texts are cut
MAX_CHARACTERS = 100_000  # longer ones are no sentences


class Predictor:
    """Safe to call from several threads: nothing in it changes after `load`."""

    def __init__(
        self,
        encoder: torch.nn.Module,
        tokenizer: Tokenizer,
        labels: list[str],
        head: tuple[torch.Tensor, torch.Tensor],
    ) -> None:
        self._encoder = encoder
        self._tokenizer = tokenizer
        self._labels = labels
        self._weights, self._bias = head  # (H, labels) and (labels,)

    def predict(self, instances: list[Any]) -> list[dict[str, Any]]:
        """Label each text, in order; `score` is the probability of the label that was chosen.

        Raises ValueError naming the first instance that is not text.
        """
        texts = _checked_texts(instances)
        if not texts:
            return []
        ids, mask = _tokenized(self._tokenizer, texts)
        with torch.inference_mode():
            probabilities = self._probabilities(ids.to(self._bias.device), mask)
        scores, columns = probabilities.cpu().max(dim=1)
        return [
            {"label": self._labels[column], "score": score}
            for column, score in zip(columns.tolist(), scores.tolist(), strict=True)
        ]

    def _probabilities(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(texts, labels)."""
        mask = mask.to(ids.device)
        hidden = self._encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        # Scaled to unit length, the sum over the text's tokens equals their mean.
        total = (hidden * mask.unsqueeze(-1)).sum(dim=1)
        embedding = torch.nn.functional.normalize(total, dim=1)
        return torch.softmax(embedding @ self._weights + self._bias, dim=1)


def load(artefact_dir: Path, device: str, threads: int) -> Predictor:
    """Read what build.py wrote. `device` is "cpu" or "cuda"; `threads` share one prediction.

    The number of threads holds for the whole process. Raises RuntimeError without the device.
    """
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device must be one of cpu, cuda, not {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            f"torch {torch.__version__} finds no CUDA device; "
            "install its CUDA build on a machine with a GPU, or use device cpu"
        )
    torch.set_num_threads(threads)
    encoder = _open_encoder(artefact_dir).to(device)
    head = json.loads((artefact_dir / "head.json").read_text("utf-8"))
    weights = torch.tensor(head["weights"], device=device)
    bias = torch.tensor(head["bias"], device=device)
    tokenizer = _open_tokenizer(artefact_dir / "tokenizer.json")
    return Predictor(encoder, tokenizer, head["labels"], (weights, bias))


def _open_encoder(artefact_dir: Path) -> torch.nn.Module:
    """Raise KeyError where the weights file lacks a tensor that the encoder has."""
    config = BertConfig.from_json_file(str(artefact_dir / "config.json"))
    encoder: torch.nn.Module = BertModel(config, add_pooling_layer=False)
    # By hand, for from_pretrained prints a report about the pooler's weights, which are not used.
    stored = load_file(artefact_dir / "model.safetensors")
    encoder.load_state_dict({name: stored[name] for name in encoder.state_dict()})
    return encoder.eval()


def _open_tokenizer(path: Path) -> Tokenizer:
    """Settle its state once: changing it per call would race between threads."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()  # the file asks for 128 tokens always; `_tokenized` pads to the longest
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _checked_texts(instances: list[Any]) -> list[str]:
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


def _tokenized(tokenizer: Tokenizer, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask, int64 (texts, tokens of the longest), filled up with 0."""
    # One by one: encode_batch would use a thread pool over all cores, whatever `threads` says.
    rows = [torch.tensor(tokenizer.encode(text).ids) for text in texts]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    mask = torch.arange(ids.shape[1]) < lengths.unsqueeze(1)
    return ids, mask.long()
