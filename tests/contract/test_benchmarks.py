"""What every folder of benchmarks/ must be."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from harness.base import paths, toml
from harness.setup import slo
from harness.setup.catalog import Benchmark
from harness.setup.tables import BenchmarkTable, PresetsFile
from tests.contract import locks

ROOT = paths.PROJECT / "benchmarks"
FOLDERS = sorted(path.parent for path in ROOT.glob("*/benchmark.toml"))
PRESETS = toml.load(ROOT / "presets.toml", PresetsFile).preset

each_benchmark = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def benchmark_of(folder: Path) -> Benchmark:
    return Benchmark(
        name=folder.name, folder=folder, table=toml.load(folder / "benchmark.toml", BenchmarkTable)
    )


def test_there_are_benchmarks() -> None:
    assert len(FOLDERS) >= 3


@each_benchmark
def test_there_are_payloads_of_more_than_one_kind(folder: Path) -> None:
    instances = [json.dumps(instance) for instance in benchmark_of(folder).payloads()]
    assert len(set(instances)) > 1


@each_benchmark
def test_profiles_have_names_of_their_own(folder: Path) -> None:
    names = [profile.name for profile in benchmark_of(folder).table.profile]
    assert len(names) == len(set(names))


@each_benchmark
def test_the_slo_can_be_understood(folder: Path) -> None:
    assert 0 < slo.parse(benchmark_of(folder).table.slo).share < 1


@each_benchmark
def test_weights_are_pinned(folder: Path) -> None:
    table = benchmark_of(folder).table
    for weights in filter(None, (table.weights, table.synthetic)):
        assert weights.files
        for name, digest in weights.files.items():
            assert re.fullmatch("[0-9a-f]{64}", digest), name
        assert weights.package is None or "==" in weights.package


@each_benchmark
def test_weights_can_be_had_or_replaced_without_a_hub(folder: Path) -> None:
    table = benchmark_of(folder).table
    if table.weights is not None and table.weights.package is None:
        assert table.synthetic is not None
    if table.synthetic is not None:
        assert table.synthetic.package is not None


@each_benchmark
def test_every_predictor_can_be_loaded_as_servers_do(folder: Path) -> None:
    predictors = list(folder.glob("predictor*.py"))
    assert folder / "predictor.py" in predictors, "the reference loads it"
    for path in predictors:
        assert functions_of(path)["load"] == ["artefact_dir", "device", "threads"], path.name
        text = path.read_text(encoding="utf-8")
        shared = [module for module in ROOT.glob("shared/*.py") if module.stem in text]
        found = [functions_of(module).get("predict") for module in (path, *shared)]
        assert [arguments[-1] for arguments in found if arguments] == ["instances"], path.name


def functions_of(module: Path) -> dict[str, list[str]]:
    """The arguments of each function and method, by name."""
    return {
        node.name: [argument.arg for argument in node.args.args]
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


@each_benchmark
def test_requirements_can_be_understood(folder: Path) -> None:
    for path in folder.glob("requirements*.in"):
        lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
        assert [str(Requirement(line)) for line in lines if line]


@each_benchmark
def test_the_build_is_locked_with_hashes(folder: Path) -> None:
    assert (folder / "requirements-build.in").exists() == (
        folder / "requirements-build.txt"
    ).exists()
    for lock in folder.glob("requirements*.txt"):
        assert locks.pins(lock)
        assert locks.without_hash(lock) == set()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_what_there_is(name: str) -> None:
    preset = PRESETS[name]
    known = {folder.name: benchmark_of(folder) for folder in FOLDERS}
    assert set(preset.benchmarks) <= set(known)
    for benchmark in preset.benchmarks:
        # Else a run would load nothing and call that a success.
        assert set(preset.profiles) <= {p.name for p in known[benchmark].table.profile}


def test_sentiment_is_trained_on_enough_sentences_of_both_kinds() -> None:
    labelled = [row for row in rows_of("sentiment") if "label" in row]
    lengths = [len(row["instance"].split()) for row in labelled]
    labels = [row["label"] for row in labelled]
    assert len(labelled) >= 400
    assert (min(lengths) >= 5, max(lengths) <= 60) == (True, True)
    assert set(labels) == {"positive", "negative"}
    assert min(labels.count("positive"), labels.count("negative")) >= 0.4 * len(labels)


def rows_of(benchmark: str) -> list[dict[str, str]]:
    lines = (ROOT / benchmark / "payloads.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_distilbert_is_asked_sentences_of_sentiment_under_its_own_labels() -> None:
    folder = ROOT / "sentiment-distilbert"
    labels = json.loads((folder / "config.json").read_text())["id2label"].values()
    known = {(row["instance"], row["label"].upper()) for row in rows_of("sentiment")}
    asked = [(row["instance"], row["label"]) for row in rows_of("sentiment-distilbert")]
    assert set(asked) < known
    assert Counter(label for _, label in asked) == dict.fromkeys(labels, 64)


def test_the_stand_in_of_distilbert_has_the_architecture_of_the_hub() -> None:
    folder = ROOT / "sentiment-distilbert"
    weights = benchmark_of(folder).table.weights
    assert weights is not None
    # The very file that the hub has: what is built without the hub can't drift from it.
    assert sha256((folder / "config.json").read_bytes()).hexdigest() == weights.files["config.json"]
