"""Folders of servers and benchmarks: what is found in them, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.base import toml
from harness.base.errors import UsageError
from harness.setup import catalog
from harness.setup.tables import BenchmarkTable
from tests.unit.conftest import BENCHMARK, PROFILE, SERVER, VARIANT, Project

ONE = VARIANT.format(name="one")
OPEN = 'name = "p"\nduration_s = 1.0\nshape = '
PRESET = "[preset.short]\nbenchmarks = []\nprofiles = []\nrounds = 1\nduration_scale = 1\n"
WEIGHTS = f'[weights]\nhub = "a/b"\nrevision = "{"0" * 40}"\npackage = "p==1"\nfiles = {{}}\n'


def complaint(load: object) -> str:
    assert callable(load)
    with pytest.raises(UsageError) as caught:
        load()
    return str(caught.value)


@pytest.mark.parametrize(
    ("head", "variants", "said"),
    [
        # unknown keys
        (SERVER + 'license = "MIT"\n', ONE, "unknown key 'license'; did you mean 'licence'?"),
        (SERVER, ONE + "backend_ = 1", "'variant.0.backend_'; did you mean 'backend'?"),
        (SERVER, ONE + VARIANT.format(name="two") + 'prot = "json"', "'variant.1.prot'"),
        (
            SERVER,
            ONE + "batching = { maxsize = 2 }",
            "unknown key 'variant.0.batching.maxsize'; did you mean 'max_size'?",
        ),
        # missing keys
        ('framework = "Some"\nlicence = "MIT"\n', ONE, "key 'maintained' is missing."),
        (SERVER, '[[variant]]\nname = "one"', "key 'variant.0.track' is missing."),
        (SERVER, "# none", "key 'variant' is missing."),
        (
            SERVER,
            ONE + "batching = { wait_ms = 2 }",
            "key 'variant.0.batching.max_size' is missing",
        ),
        # wrong values
        (SERVER, ONE + 'port = "high"', "key 'variant.0.port': Input should be a valid integer"),
        (SERVER, ONE + "port = 65536", "key 'variant.0.port': Input should be less than 65536"),
        (SERVER, ONE + 'path = "predict"', "key 'variant.0.path'"),
        (SERVER, ONE + 'backend = "tensorflow"', "Input should be 'onnx' or 'torch'"),
        (SERVER, ONE + 'devices = ["tpu"]', "key 'variant.0.devices.0'"),
        (
            SERVER,
            ONE + 'stop_signal = "SIGSTOPP"',
            "'variant.0.stop_signal': 'SIGSTOPP' is not a sig",
        ),
        (SERVER, ONE + 'homepage_ = "x"', "key 'variant.0.homepage_'"),
        (SERVER, VARIANT.format(name="Upper Case"), "key 'variant.0.name'"),
        (SERVER, ONE.replace("{bin}", "{bim}"), "no placeholder 'bim'. Did you mean 'bin'?"),
        (SERVER, ONE.replace("{bin}", "{}"), "no placeholder ''. Known: bin, host, port, workers."),
        (SERVER, ONE.replace("{bin}", "{bin"), "key 'variant.0.command'"),
        # no TOML
        ("framework = Some", ONE, "can't be read as TOML"),
    ],
)
def test_a_server_that_is_wrong(project: Project, head: str, variants: str, said: str) -> None:
    path = project.server("some", head=head, variants=variants)
    project.server("other")
    found = str(catalog.broken_servers()["some"])
    assert found.startswith(str(path))
    assert said in found
    assert list(catalog.variants()) == ["other"], "one bad file stops only its own variants"


def test_an_unknown_variant_may_be_one_of_a_server_that_is_wrong(project: Project) -> None:
    path = project.server("some", head="framework = Some", variants=ONE)
    project.server("fine")
    found = complaint(lambda: catalog.pick("variant", "one", catalog.variants()))
    assert found.startswith("There is no variant 'one'. Did you mean 'fine'? ")
    assert f"{path} can't be read as TOML" in found


@pytest.mark.parametrize(
    ("head", "profiles", "said"),
    [
        # unknown keys
        (BENCHMARK + "treads = 1\n", PROFILE, "unknown key 'treads'; did you mean 'threads'?"),
        (
            BENCHMARK,
            PROFILE + "rate_per_sec = 1",
            "'profile.0.rate_per_sec'; did you mean 'rate_per_s'?",
        ),
        (
            BENCHMARK + WEIGHTS + 'sha256 = "0"\n',
            PROFILE,
            "unknown key 'weights.sha256'; known keys: files, hub, package, revision.",
        ),
        (BENCHMARK + WEIGHTS + 'revison = "0"\n', PROFILE, "did you mean 'revision'?"),
        # missing keys
        ("version = 1\n", PROFILE, "key 'description' is missing."),
        (BENCHMARK, "", "key 'profile' is missing."),
        (BENCHMARK, '[[profile]]\nname = "p"', "key 'profile.0.shape' is missing."),
        (BENCHMARK, f'[[profile]]\n{OPEN}"poisson"', "give either 'rate_share' or 'rate_per_s'."),
        (BENCHMARK, PROFILE + "rate_share = 0.1", "give either 'rate_share' or 'rate_per_s'."),
        (BENCHMARK, f'[[profile]]\n{OPEN}"ramp"\nrate_per_s = 1.0', "needs one rate to go to"),
        (BENCHMARK, f'[[profile]]\n{OPEN}"spike"\nrate_share = 0.1', "needs one rate to go to"),
        (
            BENCHMARK,
            f'[[profile]]\n{OPEN}"ramp"\nrate_share = 0.1\nrate_per_s_end = 1\nrate_share_end = 1',
            "needs one rate to go to",
        ),
        (BENCHMARK, f'[[profile]]\n{OPEN}"closed"', "a closed loop needs 'concurrency'"),
        (
            BENCHMARK,
            f'[[profile]]\n{OPEN}"users"\nconcurrency = 1',
            "'think_s' goes with the shape 'users'",
        ),
        (BENCHMARK, f'[[profile]]\n{OPEN}"users"\nthink_s = 1.0', "'users' needs 'concurrency'"),
        (
            BENCHMARK,
            PROFILE + "think_s = 1.0",
            "'think_s' goes with the shape 'users', which needs it",
        ),
        # wrong values
        (BENCHMARK, f'[[profile]]\n{OPEN}"poison"', "no shape 'poison'. Did you mean 'poisson'?"),
        (BENCHMARK, f'[[profile]]\n{OPEN}"sine"', "There is no shape 'sine'."),
        (BENCHMARK, PROFILE.replace("10.0", "0.0"), "key 'profile.0.rate_per_s'"),
        (BENCHMARK.replace("0.1", "-0.1"), PROFILE, "key 'tolerance'"),
        (BENCHMARK.replace("= 1\n", '= "one"\n'), PROFILE, "key 'version'"),
        (BENCHMARK + 'judge = "equals"\n', PROFILE, "no judge 'equals'. Did you mean 'equal'?"),
        (BENCHMARK + 'judge = "set:2"\n', PROFILE, "The judge 'set' takes no count."),
        (BENCHMARK + WEIGHTS.replace("00", "0g"), PROFILE, "key 'weights.revision'"),
        # no TOML
        (BENCHMARK + "[weights", PROFILE, "can't be read as TOML"),
    ],
)
def test_a_benchmark_that_is_wrong(project: Project, head: str, profiles: str, said: str) -> None:
    path = project.benchmark(head=head, profiles=profiles)
    other = project.benchmark("other")
    found = complaint(lambda: catalog.benchmark("some"))
    assert found.startswith(str(path))
    assert said in found
    assert str(catalog.broken_benchmarks()["some"]) == found
    assert list(catalog.benchmarks()) == ["other"], "one bad file stops only its own benchmark"
    assert catalog.benchmark("other").folder == other.parent


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PRESET, "key 'preset.short.warm_up_s' is missing."),
        (
            PRESET + "warm_up_s = 1\nround = 2",
            "unknown key 'preset.short.round'; did you mean 'rounds'?",
        ),
        ("[presets.short]", "unknown key 'presets'; did you mean 'preset'?"),
    ],
)
def test_presets_that_are_wrong(project: Project, text: str, said: str) -> None:
    path = project.presets(text)
    found = complaint(catalog.presets)
    assert found.startswith(str(path))
    assert said in found


@pytest.mark.parametrize(
    ("payloads", "said"),
    [
        ("", "payloads.jsonl has no payloads."),
        ('{"instance": 1}\noops\n', 'payloads.jsonl, line 2: not {"instance": ...}.'),
        ('{"instance": 1}\n\n{"instance": 1}\n', "line 2"),
        ('{"instance": 1}\n{"instanc": 1}\n', "line 2"),
        ('[1]\n{"instance": 1}\n', "line 1"),
        ('{"instance": 1}\n{"instance": 1}\n"instance"\n', "line 3"),
    ],
)
def test_payloads_that_are_wrong(project: Project, payloads: str, said: str) -> None:
    bench = project.bench(payloads=payloads)
    found = complaint(bench.payloads)
    assert found.startswith(str(bench.folder / "payloads.jsonl"))
    assert said in found


def test_payloads_that_are_missing_or_no_text(project: Project) -> None:
    bench = project.bench()
    path = bench.folder / "payloads.jsonl"
    path.write_bytes(b'{"instance": 1}\n{"instance": "\xff"}\n')
    assert "line 2" in complaint(bench.payloads)
    path.unlink()
    assert complaint(bench.payloads) == f"{path} is missing."


def test_payloads_are_read_in_order(project: Project) -> None:
    lines = (
        '{"instance": [1.5]}\r\n{"instance": "a\u2028b\u0085c", "label": "x"}\n{"instance": null}'
    )
    assert project.bench(payloads=lines).payloads() == [[1.5], "a\u2028b\u0085c", None]


def test_a_name_in_two_servers_is_refused_and_both_are_named(project: Project) -> None:
    one, other = (project.server(name, variants=ONE) for name in ("first", "second"))
    found = complaint(catalog.variants)
    assert "'one'" in found
    assert str(one) in found
    assert str(other) in found


def test_servers_and_variants_are_found_by_folder(project: Project) -> None:
    project.server("b", variants=VARIANT.format(name="b2") + VARIANT.format(name="b1"))
    project.server("a")
    (project.servers / "no-server").mkdir()
    assert list(catalog.servers()) == ["a", "b"]
    assert {name: v.server.name for name, v in catalog.variants().items()} == {
        "a": "a",
        "b2": "b",
        "b1": "b",
    }


@pytest.mark.parametrize(
    ("backend", "lock", "predictor", "requirements"),
    [
        ("onnx", "requirements.txt", "predictor.py", "requirements.in"),
        ("torch", "requirements-torch.txt", "predictor_torch.py", "requirements-torch.in"),
    ],
)
def test_the_files_of_a_backend(
    project: Project, backend: str, lock: str, predictor: str, requirements: str
) -> None:
    bench, server = project.bench(), project.variant().server
    assert server.lock(backend) == server.folder / lock
    assert bench.predictor(backend) == bench.folder / predictor
    assert bench.requirements(backend) == bench.folder / requirements


def test_a_server_with_requirements_has_an_environment(project: Project) -> None:
    server = project.variant().server
    assert not server.has_environment
    (server.folder / "requirements.in").touch()
    assert server.has_environment


def test_presets_of_the_project_serve_where_there_are_no_others(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "quick" in catalog.presets()
    project.presets(PRESET + "warm_up_s = 1")
    assert list(catalog.presets()) == ["short"]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (["fastapi", "_fake"], "Did you mean 'fastapi'?"),
        (["ray", "_fake"], "Known: ray."),
        (["_fake"], "Known: _fake."),  # where there is nothing else
    ],
)
def test_an_unknown_name_is_answered_with_public_ones(known: list[str], said: str) -> None:
    found = complaint(lambda: catalog.pick("variant", "fastap", dict.fromkeys(known)))
    assert found == f"There is no variant 'fastap'. {said}"
    assert catalog.pick("variant", known[0], {known[0]: 7}) == 7


@pytest.mark.parametrize(
    ("profile", "complaint"),
    [
        ('shape = "poisson"\nrate_per_s = 5.0\nrate_per_s_end = 9.0', "no rate to go to"),
        ('shape = "ramp"\nrate_per_s = 5.0', "needs one rate to go to"),
        ('shape = "closed"\nconcurrency = 2\nrate_per_s = 5.0', "has no rate"),
        ('shape = "closed"\nrate_per_s = 5.0', "needs 'concurrency'"),
    ],
)
def test_a_rate_that_nothing_reads_is_refused(tmp_path: Path, profile: str, complaint: str) -> None:
    path = tmp_path / "benchmark.toml"
    head = 'version = 1\ndescription = "x"\ntolerance = 0.0\n'
    path.write_text(f'{head}[[profile]]\nname = "p"\nduration_s = 1.0\n{profile}\n')
    with pytest.raises(UsageError, match=complaint):
        toml.load(path, BenchmarkTable)


def test_two_profiles_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "benchmark.toml"
    one = '[[profile]]\nname = "p"\nshape = "constant"\nduration_s = 1.0\nrate_per_s = 5.0\n'
    path.write_text('version = 1\ndescription = "x"\ntolerance = 0.0\n' + one + one)
    with pytest.raises(UsageError, match="two profiles have the same name"):
        toml.load(path, BenchmarkTable)
