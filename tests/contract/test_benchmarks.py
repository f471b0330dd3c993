"""What every folder of benchmarks/ must be."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from harness import paths, toml
from harness.catalog import Benchmark, BenchmarkTable, PresetsFile
from tests.contract import locks

ROOT = paths.PROJECT / "benchmarks"
FOLDERS = sorted(path.parent for path in ROOT.glob("*/benchmark.toml"))
PRESETS = toml.load(ROOT / "presets.toml", PresetsFile).preset

each_benchmark = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def benchmark_of(folder: Path) -> Benchmark:
    return Benchmark(folder.name, folder, toml.load(folder / "benchmark.toml", BenchmarkTable))


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
    assert re.fullmatch(r"p\d+<\d+(\.\d+)?ms", benchmark_of(folder).table.slo)


@each_benchmark
def test_weights_are_pinned(folder: Path) -> None:
    weights = benchmark_of(folder).table.weights
    if weights is not None:
        assert weights.files
        for name, digest in weights.files.items():
            assert re.fullmatch("[0-9a-f]{64}", digest), name
        assert "==" in weights.package


@each_benchmark
def test_every_predictor_can_be_loaded_as_servers_do(folder: Path) -> None:
    predictors = list(folder.glob("predictor*.py"))
    assert folder / "predictor.py" in predictors, "the reference loads it"
    for path in predictors:
        functions = {
            node.name: [argument.arg for argument in node.args.args]
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef)
        }
        assert functions["load"] == ["artefact_dir", "device", "threads"], path.name
        assert functions["predict"][-1] == "instances", path.name


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
    lines = (ROOT / "sentiment" / "payloads.jsonl").read_text(encoding="utf-8").splitlines()
    labelled = [row for row in map(json.loads, lines) if "label" in row]
    lengths = [len(row["instance"].split()) for row in labelled]
    labels = [row["label"] for row in labelled]
    assert len(labelled) >= 400
    assert (min(lengths) >= 5, max(lengths) <= 60) == (True, True)
    assert set(labels) == {"positive", "negative"}
    assert min(labels.count("positive"), labels.count("negative")) >= 0.4 * len(labels)
