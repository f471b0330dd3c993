"""Events of a function URL, answers that are made of results, and what the service says."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from harness.measure.launch.functions import events, limits
from harness.measure.launch.functions.http_server import ClientConnection, Incoming
from harness.measure.launch.functions.instance_places import InstanceEnd
from harness.measure.launch.functions.invocation import Invocation


def _exchange(body: bytes = b"", target: str = "/", **headers: str) -> Incoming:
    made = Incoming(cast(ClientConnection, None))
    made.method, made.target, made.body = "POST", target.encode(), body
    made.headers = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return made


def test_an_event_is_of_the_payload_format_2() -> None:
    found = events.of_request(
        _exchange(
            b'{"a": 1}', "/p%20q?x=1&x=2&y=", content_type="application/json", cookie="a=b; c=d"
        ),
        "an-id",
    )
    assert found["version"] == "2.0"
    assert found["rawPath"] == "/p%20q"
    assert found["rawQueryString"] == "x=1&x=2&y="
    assert found["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert found["cookies"] == ["a=b", "c=d"]
    assert found["headers"] == {"content-type": "application/json"}
    assert found["body"] == '{"a": 1}'
    assert found["isBase64Encoded"] is False
    assert found["requestContext"]["http"]["method"] == "POST"
    assert found["requestContext"]["requestId"] == "an-id"


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("application/octet-stream", b"abc", ("YWJj", True)),
        ("application/json", b"\xff", ("/w==", True)),
        ("application/problem+json; charset=utf-8", b"{}", ("{}", False)),
        ("", b"abc", ("YWJj", True)),
    ],
)
def test_a_body_that_is_no_text_is_base64(kind: str, body: bytes, told: tuple[str, bool]) -> None:
    found = events.of_request(_exchange(body, content_type=kind), "")
    assert (found["body"], found["isBase64Encoded"]) == told


def test_without_a_body_there_is_none() -> None:
    assert "body" not in events.of_request(_exchange(), "")


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        ({"predictions": [1]}, 200, b'{"predictions": [1]}'),
        ([1, 2], 200, b"[1, 2]"),
        ("text", 200, b'"text"'),
        ({"statusCode": 204}, 204, b""),
        ({"statusCode": "422", "body": "no"}, 422, b"no"),
        ({"statusCode": 200, "body": "YWJj", "isBase64Encoded": True}, 200, b"abc"),
        ({"statusCode": 200, "body": {"a": 1}}, 200, b'{"a": 1}'),
    ],
)
def test_what_a_handler_returns_becomes_an_answer(result: Any, status: int, body: bytes) -> None:
    assert events.answer(json.dumps(result).encode()) == (
        status,
        [("content-type", "application/json")],
        body,
    )


def test_an_answer_has_its_headers_and_none_of_the_front_s_own() -> None:
    told = {
        "statusCode": 200,
        "headers": {
            "Content-Type": "text/html",
            "content-length": "7",
            "x-a": "b\r\nset-cookie: c",
        },
        "cookies": ["d=e"],
        "body": "",
    }
    _, headers, _ = events.answer(json.dumps(told).encode())
    assert headers == [
        ("content-type", "text/html"),
        ("x-a", "b set-cookie: c"),
        ("set-cookie", "d=e"),
    ]


@pytest.mark.parametrize(
    "result",
    [
        b"",
        b"<html>",
        b'{"statusCode": 20}',
        b'{"statusCode": "many"}',
        b'{"statusCode": 200, "body": "%", "isBase64Encoded": true}',
    ],
)
def test_what_is_no_answer(result: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        events.answer(result)


@pytest.mark.parametrize(
    ("code", "out_of_memory", "said"),
    [
        (0, False, "Runtime exited without providing a reason"),
        (3, False, "Runtime exited with error: exit status 3"),
        (-9, False, "Runtime exited with error: signal: killed"),
        (-11, False, "Runtime exited with error: signal: segmentation fault"),
        (None, False, "Runtime exited with error: unknown"),
        (-9, True, "out of memory, an instance may use 512 MB"),
    ],
)
def test_how_an_instance_ended(code: int | None, out_of_memory: bool, said: str) -> None:
    found = limits.exited(InstanceEnd(code=code, out_of_memory=out_of_memory), 512)
    assert found.message.endswith(said)
    told = json.loads(limits.payload(found, "an-id"))
    assert told["errorMessage"].startswith("RequestId: an-id Error: ")
    assert told["errorType"] == found.kind


def test_the_billed_duration_is_whole_milliseconds_with_the_initialisation() -> None:
    assert limits.billed_ms(1_000_001, 0) == 2
    assert limits.billed_ms(1_000_000, 2_500_000) == 4


def test_the_lines_of_a_time_out() -> None:
    done = Invocation(number=1, request_id="x", event=b"", caller=cast(Any, None), arrived_ns=0)
    line = limits.report(
        done, duration_ns=3 * 10**9, init_ns=0, memory_mib=128, failure=limits.timed_out(3)
    )
    assert line.endswith("\tMemory Size: 128 MB\tMax Memory Used: 0 MB\tStatus: timeout\n")
    line = limits.init_report(10**10, 1, limits.init_timed_out(10))
    assert line == "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n"
