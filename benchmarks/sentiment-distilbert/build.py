"""Make the artefact: `HARNESS_WEIGHTS=folder-of-weights python build.py ARTEFACT_DIR`.

Nothing is trained: the weights are taken as they are, and measured on the labelled payloads beside
this file. With `HARNESS_SYNTHETIC=1` stand_in.py makes them from a seed, and nothing is measured.
The same inputs give the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import predictor
import stand_in
from bert_graph import Architecture
from onnx_graph import build_model
from safetensors.numpy import load_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

LAYER_NORM_EPS = 1e-12  # DistilBERT's configuration does not tell it


def main() -> None:
    artefact_dir, weights_dir = Path(sys.argv[1]), Path(os.environ["HARNESS_WEIGHTS"])
    synthetic = os.environ.get("HARNESS_SYNTHETIC") == "1"
    if synthetic:
        stand_in.complete(weights_dir)
    artefact_dir.mkdir(parents=True, exist_ok=True)
    for name in ("model.safetensors", "config.json"):
        shutil.copyfile(weights_dir / name, artefact_dir / name)
    tokenizer = uncased_tokenizer(weights_dir / "vocab.txt")
    tokenizer.save(str(artefact_dir / "tokenizer.json"), pretty=False)
    config = json.loads((artefact_dir / "config.json").read_text("utf-8"))
    architecture = Architecture(config["n_layers"], config["n_heads"], LAYER_NORM_EPS)
    weights = load_file(artefact_dir / "model.safetensors")
    model = build_model(weights, architecture).SerializeToString()
    (artefact_dir / "model.onnx").write_bytes(model)
    facts = {"synthetic": True, "seed": stand_in.SEED} if synthetic else measured(artefact_dir)
    (artefact_dir / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def uncased_tokenizer(vocabulary: Path) -> Tokenizer:
    """BERT's for lower-case text, from one token a line."""
    words = vocabulary.read_text("utf-8").removesuffix("\n").split("\n")
    ids = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(WordPiece(ids, unk_token="[UNK]"))
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(word, ids[word]) for word in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def measured(artefact_dir: Path) -> dict[str, Any]:
    """The share of labelled payloads that are labelled alike; the model saw none in training."""
    lines = Path(__file__).with_name("payloads.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    model = predictor.load(artefact_dir, "cpu", threads=1)
    # One by one, as they are asked later.
    answers = [model.predict([row["instance"]])[0]["label"] for row in rows]
    hits = [answer == row["label"] for answer, row in zip(answers, rows, strict=True)]
    return {"accuracy": sum(hits) / len(hits), "held_out": len(hits)}


if __name__ == "__main__":
    main()
