"""AWS's own runtime client, awslambdaric, against the Runtime API that the front serves."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from pathlib import Path
from typing import Any, cast

import pytest

from harness.measure.launch.functions import events, runtime_api
from harness.measure.launch.functions.http_server import Incoming
from harness.measure.launch.functions.invocation import Caller, Invocation, InvocationFailure
from harness.measure.launch.functions.runtime_api import RuntimeApi
from harness.measure.prepare import environments
from harness.setup import catalog

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

HANDLER = """
import os


def told(event, context):
    return {
        "event": event,
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "left_ms": context.get_remaining_time_in_millis(),
        "function": context.function_name,
    }


def raises(event, context):
    raise LookupError("no such thing")


def no_json(event, context):
    return {1, 2}


def ends(event, context):
    os._exit(7)


def large(event, context):
    return "x" * event
"""
MOST_S = 120.0  # however busy the machine is


class Scripted:
    """An instance's end of the Runtime API, which has some events for it."""

    def __init__(self, given: list[Any]) -> None:
        self._left = deque(
            Invocation(
                number=number,
                request_id=str(uuid.uuid4()),
                event=json.dumps(event).encode(),
                caller=cast(Caller, None),
                arrived_ns=0,
            )
            for number, event in enumerate(given)
        )
        self.given: list[Invocation] = []
        self.results: list[bytes | InvocationFailure] = []
        self.failures: list[InvocationFailure] = []
        self.idle = asyncio.Event()

    def asks(self, exchange: Incoming) -> None:
        if not self._left:
            self.idle.set()
            return
        self.given.append(self._left.popleft())
        runtime_api.give(exchange, self.given[-1], "predict", 30.0)

    def responds(self, request_id: str, result: bytes | InvocationFailure) -> bool:
        self.results.append(result)
        return bool(self.given) and request_id == self.given[-1].request_id

    def fails(self, failure: InvocationFailure) -> None:
        self.failures.append(failure)


def run(folder: Path, handler: str, *given: Any) -> tuple[Scripted, int | None]:
    """What a runtime did with some events; the code with which it ended, where it did so itself."""
    (folder / "functions.py").write_text(HANDLER)
    return asyncio.run(asyncio.wait_for(_run(folder, handler, list(given)), MOST_S))


async def _run(folder: Path, handler: str, given: list[Any]) -> tuple[Scripted, int | None]:
    variant, benchmark = catalog.variants()["lambda-handler"], catalog.benchmarks()["noop"]
    environment = environments.for_variant(variant, benchmark)
    runtime = Scripted(given)
    api = RuntimeApi(runtime)
    address = await api.listen("127.0.0.1")
    process = await asyncio.create_subprocess_exec(
        *(str(environment.python), "-m", "awslambdaric", handler),
        cwd=folder,
        env={
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": "predict",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        },
    )
    ended = asyncio.ensure_future(process.wait())
    idle = asyncio.ensure_future(runtime.idle.wait())
    await asyncio.wait((ended, idle), return_when=asyncio.FIRST_COMPLETED)
    idle.cancel()
    code = process.returncode
    if code is None:
        process.kill()
    await ended
    api.close()
    return runtime, code


def test_it_is_given_events_one_after_the_other(tmp_path: Path) -> None:
    runtime, code = run(tmp_path, "functions.told", {"a": 1}, ["ä"], None)
    assert code is None, "it waits for more"
    told = [json.loads(result) for result in runtime.results if isinstance(result, bytes)]
    assert [each["event"] for each in told] == [{"a": 1}, ["ä"], None]
    assert [each["request_id"] for each in told] == [each.request_id for each in runtime.given]
    assert {each["arn"] for each in told} == {events.arn("predict")}
    assert {each["function"] for each in told} == {"predict"}
    assert all(0 < each["left_ms"] <= 30_000 for each in told)


def test_an_exception_comes_as_its_type_and_message(tmp_path: Path) -> None:
    runtime, code = run(tmp_path, "functions.raises", {}, {})
    assert code is None, "an instance outlives what its handler raises"
    for result in runtime.results:
        assert isinstance(result, InvocationFailure)
        assert (result.kind, result.message) == ("LookupError", "no such thing")
        assert "stackTrace" in json.loads(result.payload)
    assert len(runtime.results) == 2


def test_what_is_no_json_is_an_error(tmp_path: Path) -> None:
    runtime, code = run(tmp_path, "functions.no_json", {})
    (result,) = runtime.results
    assert code is None
    assert isinstance(result, InvocationFailure)
    assert result.kind == "Runtime.MarshalError"


def test_an_exit_leaves_no_result(tmp_path: Path) -> None:
    runtime, code = run(tmp_path, "functions.ends", {}, {})
    assert (code, runtime.results, runtime.failures) == (7, [], [])


def test_a_result_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    runtime, _ = run(tmp_path, "functions.large", 7_000_000)
    (result,) = runtime.results
    assert isinstance(result, InvocationFailure)
    assert result.kind == "Function.ResponseSizeTooLarge"


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        ("nowhere.told", "Runtime.ImportModuleError"),
        ("functions.nothing", "Runtime.HandlerNotFound"),
        ("nodot", "Runtime.MalformedHandlerName"),
    ],
)
def test_what_can_t_be_initialised_says_why_and_ends(
    tmp_path: Path, handler: str, kind: str
) -> None:
    runtime, code = run(tmp_path, handler, {})
    (failure,) = runtime.failures
    assert failure.kind == kind
    assert failure.message
    assert code not in (None, 0)
