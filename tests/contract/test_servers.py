"""What every folder of servers/ must be; what each does when it runs is in test_serving.py."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
import yaml

from harness.base import paths, toml
from harness.protocols import registered
from harness.setup.catalog import Server
from harness.setup.tables import ServerTable
from tests.contract import locks

FOLDERS = sorted(path.parent for path in (paths.PROJECT / "servers").glob("*/server.toml"))
BENCHMARKS = sorted(path.parent.name for path in paths.PROJECT.glob("benchmarks/*/benchmark.toml"))
REPORTS_USAGE = {
    "bentoml": ("BENTOML_DO_NOT_TRACK", "True"),
    "flwr": ("FLWR_TELEMETRY_ENABLED", "0"),
    "ray": ("RAY_USAGE_STATS_ENABLED", "0"),
    "serverless-offline": ("SLS_TELEMETRY_DISABLED", "1"),
    "vllm": ("VLLM_NO_USAGE_STATS", "1"),
}

each_server = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def server_of(folder: Path) -> Server:
    return Server(folder.name, folder, toml.load(folder / "server.toml", ServerTable))


def locks_of(folder: Path) -> list[Path]:
    server = server_of(folder)
    tables = server.table.variant
    return sorted({server.lock(table.backend, d) for table in tables for d in table.devices})


def test_there_are_servers() -> None:
    assert len(FOLDERS) >= 5


@each_server
def test_server_toml_is_right(folder: Path) -> None:
    server = server_of(folder)
    for table in server.table.variant:
        assert table.protocol.partition(":")[0] in registered()
        first = folder.name.partition("-")[0]
        assert table.name.startswith(first), "a reader finds the folder by the variant's name"
        assert table.track != "remote", "that is for endpoints that nobody here has started"
        if not server.table.only_docker:
            assert table.command[0].startswith("{bin}/"), "else it would run on some other one"


@each_server
def test_its_settings_follow_a_guide(folder: Path) -> None:
    table = server_of(folder).table
    product = any(not (v.reference or v.inside) for v in table.variant)
    asked = product and not folder.name.startswith("_")
    assert bool(table.guide) is asked, "the framework's guide to production, as a URL"


@each_server
def test_its_threads_take_turns_in_the_order_in_which_they_came(folder: Path) -> None:
    for path in folder.rglob("*.py"):
        unfair = re.findall(r"\b(?:Lock|RLock|Semaphore|LifoQueue)\(", path.read_text("utf-8"))
        assert unfair == [], f"{path.name}: servers/shared/turns.py is first come, first served"


@each_server
def test_what_a_command_names_is_there(folder: Path) -> None:
    for table in server_of(folder).table.variant:
        modules = [part.partition(":")[0] for part in table.command if re.match(r"\w+:\w", part)]
        scripts = [part for part in table.command if part.endswith(".py")]
        if table.function is not None and table.function.handler:
            modules.append(table.function.handler.rpartition(".")[0])
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
def test_packages_of_node_have_hashes_and_name_no_registry(folder: Path) -> None:
    for name, told in locks.node_pins(folder).items():
        assert str(told.get("integrity", "")).startswith("sha512-"), name
        assert "resolved" not in told, name


@each_server
def test_a_function_is_what_its_command_runs(folder: Path) -> None:
    for table in server_of(folder).table.variant:
        if table.function is not None and "awslambdaric" in table.command:
            assert table.command[-1] == table.function.handler


def test_what_would_be_deployed_says_what_the_variant_says() -> None:
    folder = paths.PROJECT / "servers" / "serverless-offline"
    told = yaml.safe_load((folder / "serverless.yml").read_text())
    (table,) = server_of(folder).table.variant
    function, given = table.function, dict(itertools.pairwise(table.command))
    assert function is not None
    assert told["functions"]["predict"]["handler"] == function.handler
    assert told["provider"]["memorySize"] == function.memory_mib
    assert told["provider"]["timeout"] == function.timeout_s
    assert float(given["--terminateIdleLambdaTime"]) == function.idle_s


@each_server
def test_torch_comes_with_cuda_for_a_gpu_alone(folder: Path) -> None:
    for lock in folder.glob("requirements*.txt"):
        names = locks.pins(lock)
        if "torch" in names:
            cuda = [name for name in names if name.startswith(("nvidia-", "triton"))]
            assert bool(cuda) is lock.stem.endswith("-gpu")


@each_server
def test_the_version_can_be_read_back(folder: Path) -> None:
    server = server_of(folder)
    package = server.table.package
    if package is not None:
        for lock in locks_of(folder):
            assert package in {*locks.pins(lock), *locks.node_pins(folder)}


@each_server
def test_an_app_knows_no_benchmark(folder: Path) -> None:
    names = re.compile(rf"\b({'|'.join(map(re.escape, BENCHMARKS))})\b", re.IGNORECASE)
    for path in [*(folder.parent / "shared").glob("*.py"), *folder.rglob("*.py")]:
        assert names.findall(path.read_text(encoding="utf-8")) == [], path.name


@each_server
def test_usage_reporting_is_off(folder: Path) -> None:
    server = server_of(folder)
    name, value = REPORTS_USAGE.get(server.table.package or "", ("", ""))
    for table in server.table.variant:
        assert not name or table.environment.get(name) == value
