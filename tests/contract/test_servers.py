"""What every folder of servers/ must be, and that every server answers as the reference does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import catalog, paths, plan, toml
from harness.catalog import Server, ServerTable, Variant
from harness.protocols import PROTOCOLS
from tests.contract import locks

FOLDERS = sorted(path.parent for path in (paths.PROJECT / "servers").glob("*/server.toml"))
BENCHMARKS = sorted(path.parent.name for path in paths.PROJECT.glob("benchmarks/*/benchmark.toml"))
REPORTS_USAGE = {
    "bentoml": ("BENTOML_DO_NOT_TRACK", "True"),
    "ray": ("RAY_USAGE_STATS_ENABLED", "0"),
    "vllm": ("VLLM_NO_USAGE_STATS", "1"),
}

each_server = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def server_of(folder: Path) -> Server:
    return Server(folder.name, folder, toml.load(folder / "server.toml", ServerTable))


def locks_of(folder: Path) -> list[Path]:
    server = server_of(folder)
    return sorted({server.lock(table.backend) for table in server.table.variant})


def test_there_are_servers() -> None:
    assert len(FOLDERS) >= 5


@each_server
def test_server_toml_is_right(folder: Path) -> None:
    server = server_of(folder)
    for table in server.table.variant:
        assert table.protocol in PROTOCOLS
        assert table.name.startswith(folder.name), "a reader finds the folder by the variant's name"
        assert table.command[0].startswith("{bin}/"), "else it would run on some other environment"


@each_server
def test_what_a_command_names_is_there(folder: Path) -> None:
    for table in server_of(folder).table.variant:
        modules = [part.partition(":")[0] for part in table.command if re.match(r"\w+:\w", part)]
        scripts = [part for part in table.command if part.endswith(".py")]
        assert modules or scripts
        for name in [*scripts, *(f"{module}.py" for module in modules)]:
            assert (folder / name).is_file()


@each_server
def test_requirements_are_locked_for_every_backend(folder: Path) -> None:
    if server_of(folder).has_environment:
        assert [lock.name for lock in locks_of(folder) if not lock.exists()] == []
    else:
        assert list(folder.glob("requirements*")) == []


@each_server
def test_every_pin_has_a_hash(folder: Path) -> None:
    for lock in folder.glob("requirements*.txt"):
        assert locks.pins(lock)
        # Which build of torch fits, CPU or CUDA, is decided when an environment is made.
        assert locks.without_hash(lock) <= {"torch"}, lock.name


@each_server
def test_torch_comes_without_cuda(folder: Path) -> None:
    for lock in folder.glob("requirements*.txt"):
        names = locks.pins(lock)
        if "torch" in names:
            assert [name for name in names if name.startswith(("nvidia-", "triton"))] == []


@each_server
def test_the_version_can_be_read_back(folder: Path) -> None:
    server = server_of(folder)
    if server.table.package is not None:
        for lock in locks_of(folder):
            assert server.table.package in locks.pins(lock)


@each_server
def test_an_app_knows_no_benchmark(folder: Path) -> None:
    names = re.compile(rf"\b({'|'.join(map(re.escape, BENCHMARKS))})\b", re.IGNORECASE)
    for path in [folder.parent / "serving.py", *folder.rglob("*.py")]:
        assert names.findall(path.read_text(encoding="utf-8")) == [], path.name


@each_server
def test_usage_reporting_is_off(folder: Path) -> None:
    server = server_of(folder)
    name, value = REPORTS_USAGE.get(server.table.package or "", ("", ""))
    for table in server.table.variant:
        assert not name or table.environment.get(name) == value


# --- the real ones ------------------------------------------------------------------------------


def public_variants() -> list[Variant]:
    return [v for name, v in sorted(catalog.variants().items()) if not name.startswith("_")]


PAIRS = [
    (variant.name, benchmark.name)
    for variant in public_variants()
    for benchmark in catalog.benchmarks().values()
    if plan.why_not(variant, benchmark, "cpu") is None
]


@dataclass(frozen=True)
class Verified:
    """What `harness verify` left."""

    code: int
    output: str
    scratch: Path

    def said_of(self, variant: str, benchmark: str) -> str:
        start = f"{variant} on {benchmark}"
        return next((line for line in self.output.splitlines() if line.startswith(start)), "")


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> Verified:
    """Every variant on every benchmark, in one go: the references are prepared but once."""
    scratch = tmp_path_factory.mktemp("verify")
    names = [variant.name for variant in public_variants()]
    options = [part for name in BENCHMARKS for part in ("--benchmark", name)]
    done = subprocess.run(
        [sys.executable, "-m", "harness", "verify", *names, *options],
        env={**os.environ, "TMPDIR": str(scratch)},  # the machine-wide lock is there too
        cwd=paths.PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
        check=False,
    )
    return Verified(done.returncode, done.stdout, scratch)


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "benchmark"), PAIRS)
def test_every_answer_is_right(verified: Verified, variant: str, benchmark: str) -> None:
    reference = catalog.variants()[variant].table.reference
    payloads = len(catalog.benchmarks()[benchmark].payloads())
    expected = "answers; a reference, not checked" if reference else f"{payloads} answers right"
    said = verified.said_of(variant, benchmark)
    assert said == f"{variant} on {benchmark}: {expected}", verified.output


@pytest.mark.slow
def test_all_is_well(verified: Verified) -> None:
    assert verified.code == 0, verified.output


@pytest.mark.slow
def test_nothing_is_left(verified: Verified) -> None:
    assert list(processes_that_know(str(verified.scratch))) == []
    assert [path.name for path in verified.scratch.iterdir()] == ["serving-harness.lock"]


def processes_that_know(text: str) -> Iterator[str]:
    """Command lines of the processes that have the text in their environment, as servers have."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (entry / "environ").read_bytes():
                yield (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it has ended, or is not ours
