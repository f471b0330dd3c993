"""Campaigns with containers, from the command line: rows, faults, and what is left of them."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import httpx
import pytest
from docker import DockerClient

from harness.analyse.run import strain_outcomes
from harness.measure.launch.launchers.ports import free_ports
from tests.cells import cell_of
from tests.docker.conftest import everything
from tests.docker.test_sidecars import GO
from tests.system.sandbox import LONG_S, SERVER, Sandbox, until, variant

pytestmark = pytest.mark.slow
SLOW_DOCKERFILE = """\
ARG BASE
FROM ${BASE}
RUN echo begun && sleep 3600
"""


def _ours(engine: DockerClient) -> list[str]:
    return [container.name or "" for container in everything(engine)]


def test_both_launchers_of_a_variant_are_two_rows(sandbox: Sandbox) -> None:
    table = sandbox.benchmarks / "noop" / "benchmark.toml"  # fifty requests of each window compare
    table.write_text(table.read_text().replace("duration_s = 0.3", "duration_s = 2.0"))
    both = ("--launcher", "process", "--launcher", "docker")
    done = sandbox.harness("run", "_fake", *both, "--campaign", "c", "--rounds", "1", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [cell["variant"] for cell in told["cells"]] == [
        *("in-process", "null", "_fake", "_fake@docker")
    ]
    runs = sandbox.runs("c")
    process, container = (runs[cell_of("_fake", "noop", launcher=way)] for way in (None, "docker"))
    assert (process.facts.image, process.facts.container) == (None, None)
    assert container.facts.server.launcher == "docker"
    assert container.facts.image is not None
    assert container.facts.container is not None
    for one, other in zip(process.profiles, container.profiles, strict=True):
        assert one.requests.payload.tolist()[:50] == other.requests.payload.tolist()[:50]
        assert (other.usage.memory_bytes > 0).all()
        assert len(other.calls.start_ns) >= int(other.requests.ok.sum())
    page = (sandbox.reports / "c" / "index.html").read_text()
    assert "_fake@docker" in page
    assert container.facts.image.tag in page
    assert "harness run _fake@docker --benchmark noop" in page


def test_a_container_is_strained_and_comes_back(sandbox: Sandbox, engine: DockerClient) -> None:
    presets = sandbox.benchmarks / "presets.toml"
    strains = "warm_up_s = 0.1\noverload_s = 0.5\nshutdown = true\nrestart = true\n"
    presets.write_text(presets.read_text().replace("warm_up_s = 0.1\n", strains, 1))
    done = sandbox.harness("run", "_fake-drains@docker", "--campaign", "c")
    assert done.returncode == 0, done.stderr
    run = sandbox.runs("c")[cell_of("_fake-drains", "noop", 1, launcher="docker")]
    life = run.facts.lifecycle
    assert life is not None
    assert life.installed is None, "its image has those figures"
    assert (life.memory_idle_bytes or 0) > 1e6
    assert (life.memory_after_bytes or 0) > 1e6
    assert life.overload is not None
    assert life.overload.recovery_s is not None
    assert life.restart is not None
    assert life.restart.failure == ""
    found = strain_outcomes.ended(run)
    assert found is not None
    assert found.lost == 0
    assert strain_outcomes.gap_s(run) is not None
    assert run.facts.container is not None
    assert _ours(engine) == []


def test_a_campaign_of_containers_is_gone_on_with(sandbox: Sandbox) -> None:
    process = sandbox.start("run", "_fake@docker", "--campaign", "c", "--rounds", "2")
    until(lambda: list(sandbox.results.glob("c/noop/_fake@docker/round-1/run.json")))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LONG_S)
    assert process.returncode in (0, 130)
    done = sandbox.harness("run", "--resume", "c")
    assert done.returncode == 0, done.stderr
    assert {cell.variant_name for cell in sandbox.runs("c")} == {
        "in-process",
        "null",
        "_fake@docker",
    }


def test_a_killed_harness_takes_its_container_along(sandbox: Sandbox, engine: DockerClient) -> None:
    process = sandbox.start("run", "_fake@docker", "--campaign", "c", "--rounds", "9")
    until(lambda: "serving-harness-_fake-docker" in _ours(engine))
    process.kill()
    process.communicate()
    until(lambda: not _ours(engine))


def test_an_interrupted_build_is_given_up(sandbox: Sandbox, engine: DockerClient) -> None:
    sandbox.add_server("_slow", SERVER + variant("_slow"), Dockerfile=SLOW_DOCKERFILE)
    process = sandbox.start("run", "_slow@docker", "--campaign", "c")
    until(lambda: _building(engine))
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=LONG_S)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    until(lambda: not _building(engine))


def _building(engine: DockerClient) -> bool:
    """Whether a step of the slow Dockerfile runs: the builder's containers have no label."""
    return any(
        "sleep 3600" in str(container.attrs.get("Command") or container.attrs)
        for container in engine.containers.list(sparse=True)
    )


def test_an_image_that_can_t_be_built_fails_its_cells_alone(sandbox: Sandbox) -> None:
    broken = "ARG BASE\nFROM ${BASE}\nRUN exit 7\n"
    sandbox.add_server("_broken", SERVER + variant("_broken"), Dockerfile=broken)
    done = sandbox.harness("run", "_broken@docker", "_fake@docker", "--campaign", "c")
    assert done.returncode == 1
    runs = sandbox.runs("c")
    failure = runs[cell_of("_broken", "noop", 1, launcher="docker")].facts.failure
    assert failure is not None
    assert failure.phase == "provision"
    assert "line 3 (RUN exit 7)" in failure.message
    assert runs[cell_of("_fake", "noop", 1, launcher="docker")].facts.failure is None


def test_without_an_engine_nothing_runs_and_the_sentence_says_why(sandbox: Sandbox) -> None:
    nowhere = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    done = sandbox.harness("run", "_fake@docker", "--campaign", "c", **nowhere)
    assert done.returncode == 4
    assert "no Docker engine answers at unix:///nonexistent/docker.sock" in done.stderr
    assert "No such file or directory" in done.stderr
    listed = json.loads(sandbox.harness("list", "--json", **nowhere).stdout)
    (docker,) = [found for found in listed["launchers"] if found["name"] == "docker"]
    assert (docker["available"], docker["about"]) == (False, "")
    checked = json.loads(sandbox.harness("doctor", "--json", **nowhere).stdout)
    (launchers,) = [check for check in checked["checks"] if check["name"] == "launcher"]
    assert "docker can't be used: no Docker engine answers" in launchers["message"]


def test_list_and_doctor_name_the_engine(sandbox: Sandbox, engine: DockerClient) -> None:
    version = engine.version()["Version"]
    listed = json.loads(sandbox.harness("list", "--json").stdout)
    (docker,) = [found for found in listed["launchers"] if found["name"] == "docker"]
    assert f"engine {version}, cgroup v" in docker["about"]
    assert f"engine {version}" in sandbox.harness("doctor").stdout


def test_clean_tells_what_it_would_remove(sandbox: Sandbox, engine: DockerClient) -> None:
    done = sandbox.harness("images", "_fake", "--benchmark", "noop")
    assert done.returncode == 0, done.stderr
    (tag,) = done.stdout.split()
    assert f"would remove image {tag}" in sandbox.harness("clean", "--dry-run").stdout
    assert engine.images.get(tag)


def test_a_compose_file_serves_the_variant_by_hand(sandbox: Sandbox) -> None:
    table = variant("_redis", 'command = ["{bin}/python", "go.py"]', 'components = ["redis"]')
    sandbox.add_server("_redis", SERVER + table, go_py=GO)
    done = sandbox.harness("compose", "_redis", "--benchmark", "noop")
    assert done.returncode == 0, done.stderr
    (port,) = free_ports(1)
    file = sandbox.root / "compose.yaml"
    file.write_text(done.stdout.replace("127.0.0.1:8080:", f"127.0.0.1:{port}:"))
    url = f"http://127.0.0.1:{port}/predict"
    _compose(file, "up", "--detach")
    try:
        until(lambda: _predictions(url))
    finally:
        _compose(file, "down")


def _compose(file: Path, *arguments: str) -> None:
    command = ["docker", "compose"] if _has_plugin() else ["docker-compose"]
    done = subprocess.run(
        [*command, "--project-name", "harness-test", "--file", str(file), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _predictions(url: str) -> object:
    try:
        return httpx.post(url, json={"instances": ["a"]}, trust_env=False).json()["predictions"]
    except httpx.HTTPError:
        return None


def _has_plugin() -> bool:
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return asked.returncode == 0
