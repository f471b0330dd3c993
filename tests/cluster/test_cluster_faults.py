"""What goes wrong in a cluster is a sentence; what was measured is kept, and nothing is left."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from kubernetes import client

from harness.measure.launch.kubernetes import campaign_namespace, pod_clock, pod_groups, rights
from harness.measure.launch.kubernetes.cluster_images import ImageWay
from harness.stored.records import Failure
from tests.cells import cell_of
from tests.cluster import reaching
from tests.cluster.reaching import CutProxy
from tests.system.conftest import Command
from tests.system.sandbox import LONG_S, SERVER, Sandbox, make, until, variant

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
RUN = ("--launcher", "kubernetes", "--campaign", "c")


@pytest.fixture
def space(core: Any) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"faults-{secrets.token_hex(4)}"
    core.create_namespace({"metadata": {"name": name}})
    try:
        yield name
    finally:
        with suppress(client.ApiException):  # the test has deleted it
            core.delete_namespace(name)
        reaching.forget(core, name)


def failed(sandbox: Sandbox, name: str, number: int = 1) -> Failure:
    """How that run failed; those of the references are kept, and whole."""
    runs = sandbox.runs("c")
    references = [run for cell, run in runs.items() if cell.subject.launcher is None]
    assert references
    assert all(run.facts.failure is None for run in references)
    failure = runs[cell_of(name, "noop", number, launcher="kubernetes")].facts.failure
    assert failure is not None
    return failure


def is_said(done: subprocess.CompletedProcess[str], code: int) -> None:
    """It ended with that exit code, and in sentences."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def add(sandbox: Sandbox, name: str, *lines: str) -> None:
    sandbox.add_server(name, SERVER + variant(name, *lines))


def rules(lacks: str) -> list[dict[str, Any]]:
    """All rights that the launcher needs but one."""
    every = (*rights.OWN_NAMESPACE, *rights.TO_SERVE)
    assert lacks in map(str, every)
    return [
        {"apiGroups": [each.group], "resources": [each.resource], "verbs": [each.verb]}
        for each in every
        if str(each) != lacks
    ]


@pytest.mark.parametrize(
    "lacks", ["create deployments.apps", "create pods/exec", "create namespaces"]
)
def test_a_right_that_is_missing_is_named(
    core: Any, space: str, sandbox: Sandbox, tmp_path: Path, lacks: str
) -> None:
    token = reaching.token_of(core, space, rules(lacks))
    path = reaching.kubeconfig(tmp_path / "config", token=token)
    done = sandbox.harness("run", "_fake", *RUN, KUBECONFIG=str(path))
    assert "lacks rights that are needed" in done.stderr
    assert f": {lacks};" in done.stderr
    is_said(done, 4)


def test_a_cluster_elsewhere_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    path = reaching.kubeconfig(tmp_path / "config", address="https://192.0.2.7:6443")
    done = sandbox.harness("run", "_fake", *RUN, KUBECONFIG=str(path))
    assert "leads to 192.0.2.7, which is not on this machine" in done.stderr
    assert "--yes-remote" in done.stderr
    is_said(done, 4)


def test_an_image_that_is_not_there_is_named(
    sandbox: Sandbox, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.measure.launch.kubernetes import cluster_images

    way = ImageWay(about="nowhere", give=lambda *_: "serving-harness/not-there:1")
    monkeypatch.setattr(cluster_images, "chosen", lambda *_: way)
    is_said(cli("run", "_fake", *RUN), 1)
    failure = failed(sandbox, "_fake")
    assert failure.phase == "ready"
    assert "can't get its image serving-harness/not-there:1" in failure.message


def test_a_pod_that_no_node_takes_is_said(sandbox: Sandbox) -> None:
    add(sandbox, "_huge", f"memory_mib = {1 << 30}")
    is_said(sandbox.harness("run", "_huge", *RUN), 1)
    message = failed(sandbox, "_huge").message
    assert "found no node within" in message
    assert "Insufficient memory" in message


def test_a_container_that_ends_at_once_has_its_last_words_told(sandbox: Sandbox) -> None:
    command = 'command = ["{bin}/python", "-c", "raise SystemExit(\'no model today\')"]'
    add(sandbox, "_ends", command)
    is_said(sandbox.harness("run", "_ends", *RUN), 1)
    failure = failed(sandbox, "_ends")
    assert "its container ended with exit code 1" in failure.message
    assert "no model today" in failure.log_tail


def test_a_container_that_dies_again_and_again_is_said(sandbox: Sandbox) -> None:
    name = "_fake-dies-under-load"
    table = sandbox.benchmarks / "noop" / "benchmark.toml"
    # Long enough that the cluster has seen it end, and started it again, within a window.
    table.write_text(table.read_text().replace("duration_s = 0.5", "duration_s = 6.0"))
    done = sandbox.harness("run", name, *RUN)
    run = sandbox.runs("c")[cell_of(name, "noop", 1, launcher="kubernetes")]
    # A window may be over before the cluster has started it so often that it calls it a loop.
    is_said(done, 0 if run.facts.failure is None else 1)
    assert "dying on purpose" in run.log
    if run.facts.failure is None:
        assert run.facts.container is not None
        assert run.facts.container.pod is not None
        assert run.facts.container.pod.restarts
        assert not all(window.requests.ok.all() for window in run.windows)
    else:
        assert run.facts.failure.phase in ("verify", "warm up", "load")
        assert "dying on purpose" in run.facts.failure.log_tail


def test_too_little_memory_is_named(sandbox: Sandbox) -> None:
    add(sandbox, "_hungry", "memory_mib = 96", 'environment = { FAKE_WORKER_MIB = "512" }')
    is_said(sandbox.harness("run", "_hungry", *RUN), 1)
    message = failed(sandbox, "_hungry").message
    assert "out-of-memory killer" in message
    assert "96 MiB (`memory_mib` in server.toml)" in message


def test_a_quota_that_is_exceeded_is_named(core: Any, space: str, sandbox: Sandbox) -> None:
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    core.create_namespaced_resource_quota(space, quota)
    is_said(sandbox.harness("run", "_fake", *RUN, "--namespace", space), 1)
    message = failed(sandbox, "_fake").message
    assert "the cluster makes no pod of it" in message
    assert "exceeded quota: none" in message
    assert left_in(core, space) == []


def left_in(core: Any, namespace: str) -> list[str]:
    """What of ours is in a namespace that is not."""
    apps = client.AppsV1Api(core.api_client)
    found = [
        *core.list_namespaced_service(namespace).items,
        *apps.list_namespaced_deployment(namespace).items,
    ]
    return [str(each.metadata.name) for each in found]


def made_by(core: Any, process: subprocess.Popen[str]) -> list[str]:
    """The namespaces of a command that do not end already; others may use the cluster as well."""
    return [
        str(each.metadata.name)
        for each in core.list_namespace(label_selector=campaign_namespace.OURS).items
        if each.status.phase != "Terminating"
        and f"/{process.pid}:"
        in (each.metadata.annotations or {}).get(campaign_namespace.OWNER, "")
    ]


def test_a_cluster_that_goes_away_fails_what_is_left_and_nothing_else(
    core: Any, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = CutProxy()
    path = reaching.kubeconfig(tmp_path / "config", address=proxy.address)
    monkeypatch.setenv("KUBECONFIG", str(path))
    process = sandbox.start("run", "_fake", *RUN, "--rounds", "2")
    until(lambda: list(sandbox.results.glob("c/noop/_fake@kubernetes/round-1/run.json")))
    proxy.cut()
    _, stderr = process.communicate(timeout=LONG_S)
    assert process.returncode == 1, stderr
    assert "Traceback" not in stderr
    runs = sandbox.runs("c")
    assert runs[cell_of("_fake", "noop", 1, launcher="kubernetes")].facts.failure is None
    assert "does not answer" in failed(sandbox, "_fake", 2).message
    assert made_by(core, process)
    proxy.restore()
    until(lambda: not made_by(core, process))  # what a guard is for
    until(lambda: not sandbox.processes())
    proxy.cut()


def test_a_namespace_that_does_not_go_is_said(core: Any, space: str, sandbox: Sandbox) -> None:
    held = {"metadata": {"name": "held", "finalizers": ["tests.example.org/held"]}}
    core.create_namespaced_config_map(space, held)
    core.delete_namespace(space)

    def stuck() -> bool:
        conditions = core.read_namespace(space).status.conditions or ()
        return any("tests.example.org/held" in str(each.message) for each in conditions)

    try:
        until(stuck)
        done = sandbox.harness("run", "_fake", *RUN, "--namespace", space)
        is_said(done, 1)
        message = failed(sandbox, "_fake").message
        assert f"namespace {space} is being deleted" in message
        assert "tests.example.org/held" in message
    finally:
        core.patch_namespaced_config_map("held", space, {"metadata": {"finalizers": None}})


def test_a_node_whose_clock_is_off_is_said(
    sandbox: Sandbox, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clock of the day; as one of another kernel, which a pod is asked for."""
    read = pod_clock._reading

    def off(ask: Callable[[], str]) -> tuple[int, int, int, str]:
        took_ns, offset_ns, off_ns, _ = read(ask)
        return took_ns, offset_ns, off_ns - 90_000_000_000, "another boot"

    monkeypatch.setattr(pod_clock, "_reading", off)
    monkeypatch.setattr(pod_groups, "process_of", lambda _: None)
    add(sandbox, "_small", "memory_mib = 256")
    is_said(cli("run", "_small", *RUN, "--pod-cpus", "0.2"), 0)
    run = sandbox.runs("c")[cell_of("_small", "noop", launcher="kubernetes")]
    assert run.facts.container is not None
    assert run.facts.container.pod is not None
    assert run.facts.container.pod.clock_off_s == pytest.approx(-90, abs=1)
    window = run.profiles[0]
    assert len(window.calls.start_ns) >= int(window.requests.ok.sum()), (
        "what is measured is not off"
    )
    page = (sandbox.reports / "c" / "index.html").read_text()
    assert "s behind this machine" in page


def test_two_campaigns_share_a_cluster(core: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    other = make(_folder(tmp_path / "other"))
    try:
        processes = [each.start("run", "_fake", *RUN) for each in (sandbox, other)]
        until(lambda: all(made_by(core, process) for process in processes))
        for process in processes:
            _, stderr = process.communicate(timeout=LONG_S)
            assert process.returncode == 0, stderr
    finally:
        left = other.end_everything()
    assert left == []
    for each in (sandbox, other):
        run = each.runs("c")[cell_of("_fake", "noop", launcher="kubernetes")]
        assert run.facts.failure is None
    assert not any(made_by(core, process) for process in processes)


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_what_a_killed_harness_and_its_guard_leave_the_next_command_removes(
    core: Any, sandbox: Sandbox
) -> None:
    process = sandbox.start("run", "_fake", *RUN, "--rounds", "9")
    until(lambda: made_by(core, process))
    for child in psutil.Process(process.pid).children():
        if any(part.endswith("cluster_guard") for part in child.cmdline()):
            child.kill()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert made_by(core, process)
    done = sandbox.harness("run", "_fake", "--launcher", "kubernetes", "--campaign", "d")
    is_said(done, 0)
    assert not made_by(core, process)


def test_a_killed_harness_s_guard_removes_what_it_left(core: Any, sandbox: Sandbox) -> None:
    process = sandbox.start("run", "_fake", *RUN, "--rounds", "9")
    until(lambda: made_by(core, process))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: not made_by(core, process))
