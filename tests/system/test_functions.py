"""A function of Lambda's on this machine: instances that come and go, limits, and all faults.

They need control groups, which root has; nobody but root could make them here.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.base import paths
from harness.base.errors import LaunchError
from harness.measure.launch.containers.cgroup import ROOT
from harness.measure.launch.functions import LaunchedFunction, control_groups
from harness.setup.functions import Scaling
from harness.windows.samples import MISSING
from tests.functions import NO_MODEL, Answer, Function, started
from tests.system.sandbox import until

WHY_NOT = control_groups.why_not()
pytestmark = pytest.mark.skipif(WHY_NOT is not None and os.geteuid() != 0, reason=str(WHY_NOT))
ALL_DAY = 10**18
MIB = 1 << 20


@pytest.fixture
def scratch(short_folder: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=short_folder))


def _rows(function: Function) -> Any:
    return function.launched.control.invocations(0, ALL_DAY)


def _reports(function: Function) -> list[str]:
    return [line for line in function.log().splitlines() if line.startswith("REPORT")]


def _report(function: Function) -> str:
    """The last one; the front writes them a moment later."""
    count = len(_rows(function))
    until(lambda: len(_reports(function)) >= count)
    return _reports(function)[-1]


def _pid(answer: Answer) -> int:
    assert answer.status == 200, answer
    return int(answer.json["pid"])


def test_the_first_request_starts_an_instance_and_the_next_ones_meet_it(scratch: Path) -> None:
    with started(scratch) as function:
        assert function.launched.control.instances() == ()
        assert isinstance(function.launched, LaunchedFunction)
        pids = {_pid(function.ask()) for _ in range(5)}
        (instance,) = function.launched.control.instances()
        assert pids == {instance.pid}
        assert (instance.number, instance.state, instance.handled) == (1, "idle", 5)
        assert instance.begun_ns is not None
        assert instance.ready_ns is not None
        assert instance.asked_ns < instance.begun_ns < instance.ready_ns
        assert os.sched_getaffinity(instance.pid) == set(function.cpus)
        rows = _rows(function)
    assert rows.cold.tolist() == [1, 0, 0, 0, 0]
    assert rows.status.tolist() == [200] * 5
    assert (rows.instance == 1).all()
    assert (rows.init_ns > 0).tolist() == [True, False, False, False, False]
    assert (rows.peak_bytes > 0).all()
    stamps = (rows.arrived_ns, rows.dispatched_ns, rows.answered_ns, rows.sent_ns)
    for before, after in pairwise(stamps):
        assert (before <= after).all()


def test_an_instance_marks_its_start_and_its_invocations(scratch: Path) -> None:
    with started(scratch, environment={}) as function:
        for _ in range(2):
            assert function.ask({"instances": ["a"]}).status == 200
        (instance,) = function.launched.control.instances()
        (steps,) = function.launched.control.steps()
        rows = _rows(function)
        assert [process.pid for process in function.launched.calls().processes] == [1_000_001]
    assert instance.begun_ns is not None
    assert instance.ready_ns is not None
    moments = (steps.runtime_ns, steps.load_ns, steps.loaded_ns, instance.ready_ns)
    assert steps.number == 1
    assert instance.begun_ns < steps.runtime_ns
    assert list(moments) == sorted(moments)
    assert (rows.dispatched_ns <= rows.handled_ns).all()
    assert (rows.handled_ns < rows.returned_ns).all()
    assert (rows.returned_ns <= rows.answered_ns).all()


def test_its_report_line_says_what_is_billed(scratch: Path) -> None:
    with started(scratch) as function:
        function.ask()
        line = _report(function)
        function.ask()
        warm = _report(function)
        (cold, _) = _rows(function).billed_ms
    match = re.fullmatch(
        r"REPORT RequestId: [0-9a-f-]{36}\tDuration: ([\d.]+) ms\tBilled Duration: (\d+) ms\t"
        r"Memory Size: 1769 MB\tMax Memory Used: (\d+) MB\tInit Duration: ([\d.]+) ms",
        line,
    )
    assert match is not None
    duration, billed, used, init = map(float, match.groups())
    assert billed == cold
    assert billed - 1.02 <= duration + init <= billed + 0.02
    assert 1 <= used < 1769
    assert "Init Duration" not in warm


def test_a_url_s_event_is_what_the_handler_gets(scratch: Path) -> None:
    with started(scratch) as function:
        health = function.ask(path="/health", method="GET")
    assert (health.status, health.body) == (200, b"ok")
    assert re.fullmatch(r"[0-9a-f-]{36}", health.headers["x-amzn-requestid"])


def test_the_invoke_api_passes_the_body_and_the_result(scratch: Path) -> None:
    with started(scratch) as function:
        answer = function.invoke({})
        assert answer.status == 200
        assert answer.json["instance"] == 1
        assert answer.headers["x-amz-executed-version"] == "$LATEST"
        wrong = function.invoke(b"{")
    assert wrong.status == 400
    assert wrong.headers["x-amzn-errortype"] == "InvalidRequestContentException"


def test_a_function_of_bodies_alone(scratch: Path) -> None:
    with started(scratch, event="invoke") as function:
        assert function.ask(path="/health", method="GET").status == 200
        assert function.launched.control.instances() == ()
        assert function.ask({}).json["instance"] == 1
        failed = function.ask({"fault": "raises"})
    assert failed.status == 502
    assert failed.json["errorMessage"] == "it was asked to"


@pytest.mark.parametrize("fault", ["raises", "not-to-be-encoded"])
def test_a_handler_that_raises(scratch: Path, fault: str) -> None:
    with started(scratch) as function:
        pid = _pid(function.ask())
        over_http = function.ask({"fault": fault})
        invoked = function.invoke({"fault": fault})
        assert _pid(function.ask()) == pid
        report = _report(function)
    assert (over_http.status, over_http.body) == (502, b"Internal Server Error")
    assert invoked.status == 200
    assert invoked.headers["x-amz-function-error"] == "Unhandled"
    assert set(invoked.json) == {"errorMessage", "errorType", "stackTrace"}
    assert "Status" not in report


def test_what_is_no_json_is_no_answer(scratch: Path) -> None:
    with started(scratch) as function:
        answer = function.ask({"fault": "no-json"})
        after = function.ask()
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert after.status == 200


def test_an_instance_that_takes_too_long_is_replaced(scratch: Path) -> None:
    with started(scratch, timeout_s=2.0) as function:
        pid = _pid(function.ask())
        invoked = function.invoke({"fault": "hangs"})
        assert function.ask({"fault": "hangs"}).status == 502
        assert not psutil.pid_exists(pid)
        assert _pid(function.ask()) != pid
        log = until(lambda: log if "Status: timeout" in (log := function.log()) else "")
    assert invoked.headers["x-amz-function-error"] == "Unhandled"
    assert invoked.json["errorType"] == "Sandbox.Timedout"
    assert invoked.json["errorMessage"].endswith("Task timed out after 2.00 seconds")
    assert "Task timed out after 2.00 seconds" in log


def test_an_instance_that_exits_in_the_middle_is_replaced(scratch: Path) -> None:
    with started(scratch) as function:
        invoked = function.invoke({"fault": "exits"})
        assert function.ask({"fault": "exits"}).status == 502
        assert _pid(function.ask())
        numbers = _rows(function).instance.tolist()
    assert invoked.json["errorType"] == "Runtime.ExitError"
    assert invoked.json["errorMessage"].endswith("Runtime exited with error: exit status 3")
    assert numbers == [1, 2, 3]


def test_a_payload_that_is_too_large(scratch: Path) -> None:
    with started(scratch) as function:
        large = b'"' + b"x" * (6 * MIB - 2) + b'"'
        fits = function.invoke(large)
        refused = function.invoke(large + b" ")
        over_http = function.ask(large)  # the event around it is what is too large
        result = function.invoke({"fault": "large", "bytes": 6 * MIB + 100})
        after = function.invoke({"fault": "large", "bytes": 6 * MIB - 2})
    assert fits.headers["x-amz-function-error"] == "Unhandled"  # the handler expects an object
    for answer in (refused, over_http):
        assert answer.status == 413
        assert answer.headers["x-amzn-errortype"] == "RequestEntityTooLargeException"
        assert "smaller than 6291456 bytes for the InvokeFunction" in answer.json["message"]
    assert result.json["errorType"] == "Function.ResponseSizeTooLarge"
    assert "maximum allowed payload size (6291556 bytes)" in result.json["errorMessage"]
    assert len(after.body) == 6 * MIB


@pytest.mark.parametrize(
    ("fault", "said"),
    [("init-raises", "there is no model"), ("init-exits", "exit status 7")],
)
def test_an_initialisation_that_fails_is_tried_again_and_then_said(
    scratch: Path, fault: str, said: str
) -> None:
    with started(scratch, environment={**NO_MODEL, "FUNCTION_FAULT": fault}) as function:
        assert function.ask().status == 502
        invoked = function.invoke({})
        log = until(lambda: log if (log := function.log()).count("INIT_REPORT") == 4 else "")
        reason = function.launched.exited()
        assert function.launched.control.instances() == ()
    assert said in invoked.json["errorMessage"]
    assert log.count("Phase: init") == log.count("Phase: invoke") == 2
    assert said in str(reason)


def test_an_initialisation_that_takes_too_long_has_a_second_attempt_that_is_billed(
    scratch: Path,
) -> None:
    slow = {**NO_MODEL, "FUNCTION_INIT_S": "1.2"}
    with started(scratch, environment=slow, front={"init_s": 1.0}) as function:
        assert function.ask().status == 200
        report = _report(function)
        (billed,) = _rows(function).billed_ms
        assert function.launched.exited() is None
        log = function.log()
    assert "Phase: init\tStatus: timeout" in log
    duration, init = (
        float(re.search(rf"{name}: ([\d.]+) ms", report)[1])  # type: ignore[index]
        for name in ("\tDuration", "Init Duration")
    )
    assert duration > 1200
    assert init >= 1000
    assert billed >= 2200


def test_memory_that_is_exceeded(scratch: Path) -> None:
    with started(scratch, memory_mib=128) as function:
        pid = _pid(function.ask())
        invoked = function.invoke({"fault": "memory", "mib": 512})
        assert _pid(function.ask()) != pid
        peak = _rows(function).peak_bytes
    assert invoked.json["errorType"] == "Runtime.OutOfMemory"
    assert invoked.json["errorMessage"].endswith("out of memory, an instance may use 128 MB")
    assert peak[1] == 128 * MIB
    assert peak[2] < 128 * MIB


def test_a_model_that_does_not_fit_is_said_with_the_size(scratch: Path) -> None:
    with started(scratch, "_function-too-small") as function:
        assert function.ask().status == 502
        assert "out of memory, an instance may use 128 MB" in str(function.launched.exited())


def test_a_burst_beyond_the_limit_is_throttled(scratch: Path) -> None:
    go = scratch / "go"
    with started(scratch, most_instances=10, beyond="throttle", memory_mib=512) as function:

        def release() -> None:
            until(lambda: (_rows(function).status == 429).sum() == 10)
            go.touch()

        answers = function.burst([{"until": str(go)}] * 20, release)
        rows = _rows(function)
    refused = [answer for answer in answers if answer.status != 200]
    assert [answer.status for answer in refused] == [429] * 10
    assert refused[0].headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert refused[0].json == {
        "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        "Type": "User",
        "message": "Rate Exceeded.",
    }
    assert len({answer.json["pid"] for answer in answers if answer.status == 200}) == 10
    assert sorted(rows.status) == [200] * 10 + [429] * 10
    assert (rows.dispatched_ns[rows.status == 429] == MISSING).all()


def test_or_it_is_queued(scratch: Path) -> None:
    go = scratch / "go"
    with started(scratch, most_instances=10, memory_mib=512) as function:

        def release() -> None:
            busy = ["busy"] * 10
            until(lambda: [each.state for each in function.launched.control.instances()] == busy)
            go.touch()

        answers = function.burst([{"until": str(go)}] * 20, release)
        rows = _rows(function)
        instances = function.launched.control.instances()
    assert [answer.status for answer in answers] == [200] * 20
    assert len(instances) == 10
    assert rows.cold.sum() == 10
    given = rows.dispatched_ns[rows.cold == 0]
    assert (given[1:] >= given[:-1]).all()  # the rows are by arrival


def test_whatever_goes_wrong_at_once_every_request_has_an_answer(scratch: Path) -> None:
    kinds: list[dict[str, Any]] = [
        {},
        {"fault": "exits"},
        {"fault": "hangs"},
        {"fault": "memory", "mib": 256},
        {"fault": "raises"},
        {"fault": "no-json"},
    ]
    with started(scratch, most_instances=3, memory_mib=160, timeout_s=5.0) as function:
        answers = function.burst(kinds * 4)
        rows = _rows(function)
        assert function.ask().status == 200
    expected = [200, 502, 502, 502, 502, 502] * 4
    assert [answer.status for answer in answers] == expected
    assert sorted(rows.status) == sorted(expected)


def test_idle_instances_are_ended_and_all_can_be(scratch: Path) -> None:
    with started(scratch, idle_s=0.3) as function:
        pid = _pid(function.ask())
        until(lambda: not function.launched.control.instances())
        until(lambda: not psutil.pid_exists(pid))
        function.launched.control.scale(Scaling(most_instances=1, beyond="queue", idle_s=600.0))
        again = _pid(function.ask())
        function.launched.control.retire()
        assert function.launched.control.instances() == ()
        assert not psutil.pid_exists(again)
        sample = function.launched.sample(pss=True)
        assert sample is not None
        assert sample["processes"] == sample["rss_bytes"] == 0
        assert sample["cpu_ns"] > 0


def test_starts_of_each_temperature(scratch: Path) -> None:
    with started(scratch) as function:
        control = function.launched.control
        with pytest.raises(LaunchError, match="No instance is idle"):
            control.cool("idle")
        pid = _pid(function.ask())
        control.cool("idle")
        assert _pid(function.ask()) == pid
        control.cool("process")
        assert _pid(function.ask()) != pid
        assert control.why_not("files") is None
        control.cool("files")
        assert _rows(function).cold.tolist() == [1, 0, 1]
        assert "have no image" in str(control.why_not("image"))
        with pytest.raises(LaunchError, match="no image"):
            control.cool("image")


def test_usage_counts_the_instances_alone_and_their_share_of_a_cpu_is_held(scratch: Path) -> None:
    with started(scratch, memory_mib=128) as function:
        function.ask()
        (instance,) = function.launched.control.instances()
        sample = function.launched.sample(pss=True)
        assert sample is not None
        assert sample["processes"] == 1
        assert sample["rss_bytes"] > MIB
        assert function.launched.exposed() == ()
        (child,) = control_groups.children(function.group)
        assert instance.pid in child.pids()
        assert child.throttled_ns() > 0  # a start on 0.07 of a CPU
        assert sample["throttled_ns"] > 0


def test_a_killed_instance_costs_the_request_that_it_had(scratch: Path) -> None:
    with started(scratch) as function:
        function.ask()
        (instance,) = function.launched.control.instances()
        function.launched.kill(1_000_000 + instance.number)
        until(lambda: not function.launched.control.instances())
        assert _pid(function.ask()) != instance.pid
        function.launched.kill(1_000_000 + 77)


def test_a_port_that_is_taken(scratch: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        before = set(ROOT.glob("memory/**/serving-harness-function-*"))
        with (
            pytest.raises(LaunchError, match=f"Port {port} is already taken"),
            started(scratch, front={"port": port}),
        ):
            pass
    assert set(ROOT.glob("memory/**/serving-harness-function-*")) <= before


HARNESS = """
import sys, time
from pathlib import Path
from tests.functions import started
with started(Path(sys.argv[1])) as function:
    function.ask()
    print(function.launched.control.instances()[0].pid, function.launched._kept.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("victim", ["harness", "front"])
def test_no_instance_outlives_what_is_killed(scratch: Path, victim: str) -> None:
    harness = subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(scratch)],
        cwd=paths.PROJECT,
        env={**os.environ, "PYTHONPATH": str(paths.PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert harness.stdout is not None
    instance, front = map(int, harness.stdout.readline().split())
    os.kill(harness.pid if victim == "harness" else front, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(instance))
    harness.kill()
    harness.wait()
    harness.stdout.close()
    until(lambda: not psutil.pid_exists(front))


def test_what_is_in_flight_is_answered_when_it_is_stopped(scratch: Path) -> None:
    with started(scratch) as function:
        function.ask()
        connection = socket.create_connection((function.launched.host, function.launched.port))
        body = json.dumps({"sleep_s": 1}).encode()
        head = "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        until(lambda: function.launched.control.instances()[0].state == "busy")
        began = time.monotonic()
        stop = function.launched._kept.stop()
        assert time.monotonic() - began < 30
        answer = connection.recv(65536)
        connection.close()
        function.launched._kept.stop = lambda: stop  # type: ignore[method-assign]
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    assert stop.killed == 0
