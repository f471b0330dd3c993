"""The process launcher on the fake contender: what a server is given, and how it goes."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from harness.base import paths
from harness.base.errors import LaunchError
from harness.measure.launch.launchers import LaunchOrder
from harness.measure.launch.launchers.kept import Kept
from harness.measure.launch.launchers.process import LaunchedProcess, ProcessLauncher
from harness.setup import catalog
from harness.windows.samples import MISSING
from tests.system.sandbox import LONG_S, SERVER, Sandbox, until, variant

pytestmark = pytest.mark.slow

Launch = Callable[[str], LaunchedProcess]
CPU = min(os.sched_getaffinity(0))
SECRET = "hunter2-of-the-caller"


@pytest.fixture
def launch(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launch]:
    """Starts a variant of the sandbox; what the test does not stop is stopped here."""
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CALLERS_SECRET", SECRET)
    monkeypatch.setattr(tempfile, "tempdir", None)
    launched: list[LaunchedProcess] = []

    def start(name: str) -> LaunchedProcess:
        scratch = Path(tempfile.mkdtemp())
        found, noop = catalog.variants()[name], catalog.benchmarks()["noop"]
        launcher = ProcessLauncher()
        provided = launcher.provide(found, noop, scratch, "cpu")
        order = LaunchOrder(
            variant=found,
            provided=provided,
            benchmark=noop,
            artefact=scratch,
            threads=3,
            device="cpu",
            cpus=(CPU,),
            signature={},
            scratch=scratch,
        )
        launched.append(launcher.launch(order))
        return launched[-1]

    yield start
    for server in launched:
        if _keeper(server).poll() is None:
            server.stop()


def _keeper(launched: LaunchedProcess) -> subprocess.Popen[bytes]:
    return launched._kept.keeper


def _server(launched: LaunchedProcess) -> psutil.Process:
    """The server's own process."""
    (child,) = psutil.Process(_keeper(launched).pid).children()
    return child


def _ready(launched: LaunchedProcess) -> psutil.Process:
    until(lambda: "listening" in _log(launched))
    return _server(launched)


def _post(launched: LaunchedProcess) -> None:
    connection = HTTPConnection(launched.host, launched.port)
    connection.request("POST", "/predict", '{"instances": ["a"]}')
    assert connection.getresponse().status == 200
    connection.close()


def _ignores(process: psutil.Process, number: signal.Signals) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text()
    ignored = next(line for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(ignored.split()[1], 16) & 1 << (number - 1))


def _log(launched: LaunchedProcess) -> str:
    return launched.log.read_text()


def test_a_server_sees_nothing_of_the_caller_s_environment(launch: Launch) -> None:
    server = _ready(launch("_fake"))
    environment = server.environ()
    assert SECRET not in " ".join(environment.values())
    assert not {"CALLERS_SECRET", "HARNESS_RESULTS", "VIRTUAL_ENV"} & environment.keys()
    assert environment["HARNESS_DEVICE"] == "cpu"
    assert environment["HARNESS_THREADS"] == environment["OMP_NUM_THREADS"] == "3"
    assert environment["PATH"].split(":")[0] == str(Path(sys.executable).parent)


def test_a_start_that_is_interrupted_leaves_nothing(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[psutil.Process] = []

    def interrupted(kept: Kept, _: float) -> None:
        keeper = psutil.Process(kept.keeper.pid)
        until(keeper.children)
        begun.extend([keeper, *keeper.children()])
        raise KeyboardInterrupt

    monkeypatch.setattr(Kept, "_event", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launch("_fake")
    assert len(begun) == 2
    assert not any(process.is_running() for process in begun)


def test_a_server_has_a_home_and_a_place_for_temporary_files_of_its_own(launch: Launch) -> None:
    first, second = launch("_fake"), launch("_fake")
    here, there = _ready(first).environ(), _ready(second).environ()
    for name in ("HOME", "TMPDIR"):
        assert Path(here[name]).is_dir()
        assert here[name] != there[name]
        assert here[name] != os.environ[name]
    assert Path(here["HARNESS_TRACE"]).is_dir()
    _post(first)
    assert [len(process.rows) for process in first.calls().processes] == [1]
    assert second.calls().processes == ()


def test_a_server_runs_in_its_folder_and_session_on_its_cpus(
    launch: Launch, sandbox: Sandbox
) -> None:
    server = _ready(launch("_fake"))
    assert Path(server.cwd()) == sandbox.servers / "_fake"
    assert os.getsid(server.pid) == server.pid
    assert server.cpu_affinity() == [CPU]


def test_a_server_takes_signals_again(launch: Launch) -> None:
    """The keeper ignores some, which a process inherits: a server must be able to end by them."""
    server = _ready(launch("_fake"))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        assert not _ignores(server, number)


def _sample(launched: LaunchedProcess, *, pss: bool = False) -> dict[str, int]:
    seen = launched.sample(pss=pss)
    assert seen is not None
    return seen


def test_samples_show_what_the_whole_tree_uses(launch: Launch) -> None:
    launched = launch("_fake-daemon")
    _ready(launched)
    seen = _sample(launched, pss=True)
    assert seen["cpu_ns"] > 0
    assert 5e6 < seen["pss_bytes"] <= seen["rss_bytes"]
    assert seen["processes"] == 2
    assert seen["threads"] >= 2
    assert _sample(launched)["pss_bytes"] == MISSING

    def grown() -> bool:
        _post(launched)
        return _sample(launched)["cpu_ns"] > seen["cpu_ns"]

    until(grown)


def test_a_server_ends_by_its_signal(launch: Launch) -> None:
    launched = launch("_fake")
    server = _ready(launched)
    assert launched.exited() is None
    stop = launched.stop()
    assert stop.exit_code == -signal.SIGTERM
    assert (stop.orphans, stop.killed) == (0, 0)
    assert not server.is_running()


def test_a_daemon_that_ignores_sigterm_is_ended_too(launch: Launch, sandbox: Sandbox) -> None:
    launched = launch("_fake-daemon")
    server = _ready(launched)
    (child,) = server.children()
    until(lambda: _ignores(child, signal.SIGTERM))
    assert os.getsid(child.pid) == child.pid
    stop = launched.stop()
    assert (stop.orphans, stop.killed) == (1, 1)
    assert not child.is_running()
    assert not sandbox.processes()


def test_why_a_server_is_gone(launch: Launch) -> None:
    launched = launch("_fake-dies-at-start")
    assert until(launched.exited) == "it ended with exit code 3"
    assert "no model to be found" in _log(launched)
    assert launched.stop().exit_code == 3


def test_that_a_server_was_killed_is_told(launch: Launch) -> None:
    launched = launch("_fake")
    _ready(launched).kill()
    assert until(launched.exited) == "it was killed by signal 9"
    assert launched.stop().exit_code == -9


def test_a_server_dies_with_its_keeper(launch: Launch, sandbox: Sandbox) -> None:
    launched = launch("_fake")
    server = _ready(launched)
    _keeper(launched).kill()
    until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)
    assert until(launched.exited) == "its keeper was killed"
    assert not sandbox.processes()
    with pytest.raises(LaunchError, match="could not be ended"):
        launched.stop()


def test_a_keeper_that_is_asked_to_go_stops_its_server(launch: Launch, sandbox: Sandbox) -> None:
    launched = launch("_fake-daemon")
    (child,) = _ready(launched).children()
    until(lambda: _ignores(child, signal.SIGTERM))
    _keeper(launched).terminate()
    assert _keeper(launched).wait(LONG_S) == 0
    assert not sandbox.processes()
    assert launched.stop().killed == 1, "what it said last is still there to be read"


@pytest.mark.parametrize("ended_by", ["stop", "keeper asked to go", "keeper killed"])
def test_shared_memory_that_a_server_leaves_is_removed(launch: Launch, ended_by: str) -> None:
    launched = launch("_fake")
    server = _ready(launched)
    left, other = (Path("/dev/shm") / (launched.memory + name) for name in ("left", "folder"))
    foreign = Path("/dev/shm") / f"not-{launched.memory}"
    left.write_bytes(b"x")
    foreign.write_bytes(b"x")
    other.mkdir()
    try:
        if ended_by == "keeper asked to go":
            _keeper(launched).terminate()
            assert _keeper(launched).wait(LONG_S) == 0
            assert not left.exists(), "the harness may be gone: its keeper removes it"
        if ended_by == "keeper killed":
            _keeper(launched).kill()
            until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)
        with contextlib.suppress(LaunchError):  # a killed keeper proves nothing
            launched.stop()
        assert not left.exists()
        assert other.exists(), "it is no file"
        assert foreign.exists(), "it is another's"
    finally:
        other.rmdir()
        foreign.unlink()
        left.unlink(missing_ok=True)


def test_a_command_that_does_not_exist(launch: Launch, sandbox: Sandbox) -> None:
    sandbox.add_server("absent", SERVER + variant("absent", 'command = ["{bin}/no-such-program"]'))
    with pytest.raises(LaunchError, match=r"absent can't be started: .*no-such-program"):
        launch("absent")


def test_a_port_that_is_taken(launch: Launch, sandbox: Sandbox) -> None:
    first = launch("_fake")
    sandbox.add_server("fixed", SERVER + variant("fixed", f"port = {first.port}"))
    _ready(first)
    with pytest.raises(LaunchError, match=rf"Port {first.port} is already taken .*server\.toml"):
        launch("fixed")
    assert len(sandbox.processes()) == 2, "no keeper is left of the second"


def test_a_port_is_free_again_at_once(launch: Launch, sandbox: Sandbox) -> None:
    first = launch("_fake")
    port = first.port
    _ready(first)
    _post(first)
    first.stop()
    sandbox.add_server("fixed", SERVER + variant("fixed", f"port = {port}"))
    _ready(launch("fixed"))


def test_a_keeper_that_is_told_nothing_goes_quietly() -> None:
    """The harness was interrupted between its start and its order."""
    keeper = Path(paths.PROJECT / "harness" / "measure" / "launch" / "launchers" / "keeper.py")
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(keeper)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_fake_bears_more_connections_than_select_can(launch: Launch) -> None:
    """More than 1024, as a load beyond its capacity brings."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    try:
        fake = launch("_fake")
        _ready(fake)
        with ExitStack() as stack:
            for _ in range(1100):
                stack.enter_context(socket.create_connection((fake.host, fake.port)))
            _post(fake)
        assert fake.exited() is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
