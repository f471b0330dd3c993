"""The build of `sentiment-distilbert`, with weights of the hub's form but a small model's size.

What a build with synthetic weights made is put into a local hub cache: from there, the same files
go the way that real weights go. Slow: it installs what is missing.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from harness.base import paths
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow
NAME = "sentiment-distilbert"
SMALL = {"dim": 32, "hidden_dim": 64, "n_heads": 4, "n_layers": 2}
MADE = "28de7175bbe064b0d5c86e9769fab0829f0c35b5f5efba6719646466612da8be"  # on every machine
VARIANTS = ("in-process", "fastapi", "fastapi-torch")
SAID = sorted(f"{variant} on {NAME}: 128 answers right" for variant in VARIANTS)


@dataclass(frozen=True)
class Small:
    """The benchmark, its model made small, in a sandbox."""

    sandbox: Sandbox

    @property
    def folder(self) -> Path:
        return self.sandbox.benchmarks / NAME

    @property
    def hub(self) -> Path:
        return self.sandbox.root / "hub"

    def verify(self, *options: str) -> list[str]:
        """What `verify` prints of the variants that are checked."""
        done = self.sandbox.harness(
            *("verify", *VARIANTS, "--benchmark", NAME, *options),
            HARNESS_SERVERS=str(paths.PROJECT / "servers"),
            HF_HUB_CACHE=str(self.hub),
            HF_ENDPOINT="http://localhost:1",
        )
        return sorted(line for line in done.stdout.splitlines() if not line.startswith("null "))

    def artefact(self, pattern: str) -> Path:
        (found,) = (path for path in self.sandbox.cache.glob(f"artefacts/{pattern}/facts.json"))
        return found.parent

    def facts(self, pattern: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.artefact(pattern) / "facts.json").read_text())
        return found


@pytest.fixture
def small(sandbox: Sandbox) -> Small:
    made = Small(sandbox)
    real = paths.PROJECT / "benchmarks"
    shutil.copytree(real / NAME, made.folder)
    shutil.copytree(real / "shared", sandbox.benchmarks / "shared")
    config = made.folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | SMALL))
    # The user's own, which take minutes, but none of what is made here goes there.
    own = paths.cache_dir()
    (own / "environments").mkdir(parents=True, exist_ok=True)
    (sandbox.cache / "weights").mkdir(parents=True)
    (sandbox.cache / "environments").symlink_to(own / "environments")
    for file in own.glob("weights/*"):
        (sandbox.cache / "weights" / file.name).symlink_to(file)
    return made


def as_on_the_hub(artefact: Path) -> dict[str, bytes]:
    """The hub's files from which that artefact would be built."""
    vocabulary = json.loads((artefact / "tokenizer.json").read_text())["model"]["vocab"]
    words = "".join(f"{word}\n" for word in sorted(vocabulary, key=vocabulary.__getitem__))
    copied = {name: (artefact / name).read_bytes() for name in ("model.safetensors", "config.json")}
    return {**copied, "vocab.txt": words.encode()}


def test_real_weights_go_the_same_way_as_synthetic_ones(small: Small) -> None:
    assert small.verify("--synthetic-weights") == SAID
    assert small.facts("*-synthetic-*")["synthetic"] is True
    files = as_on_the_hub(small.artefact("*-synthetic-*"))
    assert sha256(files["model.safetensors"]).hexdigest() == MADE
    table = small.folder / "benchmark.toml"
    text = table.read_text().replace("accuracy_at_least = 0.80\n", "")
    pinned = re.search(r'"vocab.txt" = "(\w+)"', text)
    # The words that a package gives are the hub's, to the byte.
    assert pinned is not None
    assert sha256(files["vocab.txt"]).hexdigest() == pinned[1]

    revision = re.search(r'revision = "(\w+)"', text)
    assert revision is not None
    name = "models--distilbert--distilbert-base-uncased-finetuned-sst-2-english"
    snapshot = small.hub / name / "snapshots" / revision[1]
    snapshot.mkdir(parents=True)
    for file, content in files.items():
        (snapshot / file).write_bytes(content)
        digest = sha256(content).hexdigest()
        text = re.sub(rf'"{file}" = "\w+"', f'"{file}" = "{digest}"', text)
    table.write_text(text)
    shutil.rmtree(small.artefact("*-synthetic-*"))
    assert small.verify() == SAID
    facts = small.facts("*")
    assert facts["held_out"] == 128
    assert 0 <= facts["accuracy"] <= 1
    assert "synthetic" not in facts
