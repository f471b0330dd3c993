"""Artefacts: built once by a benchmark's own build.py, and checked each time."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from huggingface_hub import constants

from harness.base.errors import ProvisionError
from harness.measure.prepare import artefacts
from harness.measure.prepare.environments import Environment
from harness.setup.catalog import Benchmark
from tests.unit.conftest import BENCHMARK, Project

HERE = Environment(bin=Path(sys.executable).parent, key="key")
ACCURATE = BENCHMARK + "accuracy_at_least = 0.9\n"
BUILD = """
import json, os, pathlib, sys
out = pathlib.Path(sys.argv[1])
weights = {p.name: p.read_text() for p in pathlib.Path(os.environ["HARNESS_WEIGHTS"]).iterdir()}
out.joinpath("facts.json").write_text(json.dumps({"accuracy": 0.95, "weights": weights}))
out.joinpath("where").write_text(os.getcwd())
"""
REAL, STAND_IN = b"what the hub has", b"what there is instead"
WEIGHTS = """
[weights]
hub = "some/model"
revision = "{revision}"
files = {{ "model.bin" = "{real}" }}
[synthetic]
hub = "other/model"
revision = "{revision}"
package = "p==1"
files = {{ "words.txt" = "{stand_in}" }}
""".format(revision="0" * 40, real=sha256(REAL).hexdigest(), stand_in=sha256(STAND_IN).hexdigest())
INACCURATE = BUILD.replace("0.95", "0.5").replace(
    '"weights"', '"told": os.environ.get("HARNESS_SYNTHETIC"), "weights"'
)


@pytest.fixture
def bench(project: Project) -> Benchmark:
    made = project.bench(head=ACCURATE)
    (made.folder / "build.py").write_text(BUILD)
    return made


def folders(project: Project) -> list[Path]:
    return [path for path in (project.cache / "artefacts").iterdir() if path.is_dir()]


def test_an_artefact_is_built_once(project: Project, bench: Benchmark) -> None:
    made = artefacts.ensure(bench, HERE)
    assert made.facts == {"accuracy": 0.95, "weights": {}}
    assert (made.folder / "where").read_text() == str(bench.folder)
    (made.folder / "where").write_text("the first build")
    assert artefacts.ensure(bench, HERE) == made
    assert (made.folder / "where").read_text() == "the first build"
    assert folders(project) == [made.folder]


@pytest.mark.parametrize("name", ["build.py", "predictor.py", "payloads.jsonl"])
def test_a_change_of_what_it_is_made_from_builds_anew(bench: Benchmark, name: str) -> None:
    first = artefacts.ensure(bench, HERE)
    with (bench.folder / name).open("a") as file:
        file.write("\n")
    assert artefacts.ensure(bench, HERE).folder != first.folder


def test_another_environment_builds_anew(bench: Benchmark) -> None:
    other = Environment(bin=HERE.bin, key="other key")
    assert artefacts.ensure(bench, HERE).folder != artefacts.ensure(bench, other).folder


def test_a_version_of_the_model_is_an_artefact_of_its_own(bench: Benchmark) -> None:
    assert not artefacts.has_versions(bench)
    told = 'os.environ.get("HARNESS_ARTEFACT_VERSION")'
    (bench.folder / "build.py").write_text(BUILD.replace('"weights":', f'"version": {told}, "w":'))
    assert artefacts.has_versions(bench)
    first, second = (artefacts.ensure(bench, HERE, version) for version in (1, 2))
    assert first.folder != second.folder
    assert (first.facts["version"], second.facts["version"]) == (None, "2")
    assert artefacts.ensure(bench, HERE) == first


@pytest.mark.parametrize("version", [0, 2])
def test_a_version_that_no_build_makes_is_refused(bench: Benchmark, version: int) -> None:
    with pytest.raises(ProvisionError, match=f"some has no version {version} of its model"):
        artefacts.ensure(bench, HERE, version)


def test_a_benchmark_without_a_build_has_an_empty_artefact(project: Project) -> None:
    made = artefacts.ensure(project.bench(), HERE)
    assert made.facts == {}
    assert list(made.folder.iterdir()) == []


def test_weights_are_put_where_the_build_looks(project: Project) -> None:
    digest = sha256(b"bytes").hexdigest()
    head = (
        f'{ACCURATE}[weights]\nhub = "a/b"\nrevision = "{"0" * 40}"\npackage = "p==1"\n'
        f'files = {{ "onnx/model.bin" = "{digest}" }}\n'
    )
    bench = project.bench(head=head)
    (bench.folder / "build.py").write_text(BUILD)
    (project.cache / "weights").mkdir(parents=True)
    (project.cache / "weights" / digest).write_bytes(b"bytes")
    assert artefacts.ensure(bench, HERE).facts["weights"] == {"model.bin": "bytes"}


@pytest.fixture
def rare(project: Project, monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    """Its weights are on the hub only, which can't be reached; the stand-ins' files are here."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(project.root / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://localhost:1")
    made = project.bench(head=ACCURATE + WEIGHTS)
    (made.folder / "build.py").write_text(BUILD)
    kept = project.cache / "weights" / sha256(STAND_IN).hexdigest()
    kept.parent.mkdir(parents=True)
    kept.write_bytes(STAND_IN)
    return made


def in_the_local_hub_cache(project: Project) -> None:
    folder = project.root / "hub" / "models--some--model" / "snapshots" / ("0" * 40)
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(REAL)


def test_real_weights_from_the_local_hub_cache(project: Project, rare: Benchmark) -> None:
    in_the_local_hub_cache(project)
    facts = artefacts.ensure(rare, HERE).facts
    assert facts == {"accuracy": 0.95, "weights": {"model.bin": REAL.decode()}}


def test_without_real_weights_one_sentence_names_the_option(
    project: Project, rare: Benchmark
) -> None:
    with pytest.raises(ProvisionError) as caught:
        artefacts.ensure(rare, HERE)
    sentence = re.sub(r"reached \(.*\)\)", "reached)", str(caught.value))
    assert sentence == (
        "model.bin can't be had (hub some/model: it is not in the local cache, and localhost can't "
        "be reached): give --synthetic-weights to measure some with seeded weights of the same "
        "architecture instead."
    )
    assert folders(project) == []


def test_the_option_is_named_only_where_it_helps(project: Project, rare: Benchmark) -> None:
    bench = project.bench(head=ACCURATE + WEIGHTS.partition("[synthetic]")[0])
    (bench.folder / "build.py").write_text(BUILD)
    with pytest.raises(ProvisionError, match=r"^model\.bin can't be had \(.*\)\.$"):
        artefacts.ensure(bench, HERE)


def test_synthetic_weights_are_told_and_need_not_be_accurate(rare: Benchmark) -> None:
    (rare.folder / "build.py").write_text(INACCURATE)
    made = artefacts.ensure(replace(rare, synthetic=True), HERE)
    words = {"words.txt": STAND_IN.decode()}
    assert made.facts == {"accuracy": 0.5, "told": "1", "weights": words, "synthetic": True}


def test_a_real_build_is_not_told_of_synthetic_weights(project: Project, rare: Benchmark) -> None:
    in_the_local_hub_cache(project)
    (rare.folder / "build.py").write_text(INACCURATE.replace("0.5", "0.9"))
    assert artefacts.ensure(rare, HERE).facts["told"] is None


def test_synthetic_artefacts_are_kept_apart(project: Project, rare: Benchmark) -> None:
    in_the_local_hub_cache(project)
    real, made_up = (artefacts.ensure(replace(rare, synthetic=way), HERE) for way in (False, True))
    assert sorted(folders(project)) == sorted([real.folder, made_up.folder])
    assert made_up.folder.name.startswith("some-synthetic-")
    assert "synthetic" not in artefacts.ensure(rare, HERE).facts


def test_builds_can_import_shared_modules(project: Project, bench: Benchmark) -> None:
    (project.benchmarks / "shared").mkdir()
    shared = project.benchmarks / "shared" / "shared_by_all.py"
    shared.write_text("ACCURACY = 0.97\n")
    (bench.folder / "build.py").write_text(
        f"from shared_by_all import ACCURACY\n{BUILD.replace('0.95', 'ACCURACY')}"
    )
    assert artefacts.ensure(bench, HERE).facts["accuracy"] == 0.97
    shared.write_text("ACCURACY = 0.98\n")
    assert artefacts.ensure(bench, HERE).facts["accuracy"] == 0.98


@pytest.mark.parametrize(
    ("build", "said"),
    [
        ("raise SystemExit('no data\\n here')", "failed with exit code 1: no data here"),
        ("import sys; sys.exit(7)", "failed with exit code 7"),
        ("import a_module_that_nobody_has", "No module named 'a_module_that_nobody_has'"),
    ],
)
def test_a_failing_build_says_why_and_leaves_nothing(
    project: Project, bench: Benchmark, build: str, said: str
) -> None:
    (bench.folder / "build.py").write_text(build)
    with pytest.raises(ProvisionError) as caught:
        artefacts.ensure(bench, HERE)
    assert str(caught.value).startswith("some/build.py failed with exit code ")
    assert said in str(caught.value)
    assert folders(project) == []
    (bench.folder / "build.py").write_text(BUILD)
    assert artefacts.ensure(bench, HERE).facts["accuracy"] == 0.95


@pytest.mark.parametrize("facts", ['{"accuracy": 0.899}', '{"accuracy": null}', "{}", None])
def test_a_model_that_is_not_accurate_is_refused_each_time(
    bench: Benchmark, facts: str | None
) -> None:
    write = "" if facts is None else f"open(sys.argv[1] + '/facts.json', 'w').write('{facts}')"
    (bench.folder / "build.py").write_text(f"import sys\n{write}\n")
    for _ in range(2):
        with pytest.raises(ProvisionError, match=r"model of some .* below the 0\.9 that its"):
            artefacts.ensure(bench, HERE)


def test_a_model_that_is_just_accurate_is_taken(bench: Benchmark) -> None:
    (bench.folder / "build.py").write_text(BUILD.replace("0.95", "0.9"))
    assert artefacts.ensure(bench, HERE).facts["accuracy"] == 0.9


def test_a_build_environment_without_a_lock_is_told_how_to_make_one(project: Project) -> None:
    bench = project.bench()
    (bench.folder / "requirements-build.in").write_text("torch\n")
    with pytest.raises(ProvisionError, match=r"has no lock requirements-build\.txt\. .*lock\.py"):
        artefacts.ensure(bench, Environment(bin=Path("bin"), key="key"))
