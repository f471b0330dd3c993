"""Events that the front makes of requests, and answers that it makes of results, as others see
them: Mangum, which knows the events of the real service, tells an app what they hold."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from typing import cast
from urllib.parse import parse_qsl

import pytest

from harness.measure.launch.functions import events
from harness.measure.launch.functions.http_server import ClientConnection, Incoming
from harness.measure.prepare import environments
from harness.setup import catalog

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# The app says what it was asked, and sets two cookies.
APP = """
import base64, json, sys
from mangum import Mangum


async def app(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    told = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
        "client": scope["client"][0],
        "body": base64.b64encode(body).decode(),
    }
    binary = scope["path"] == "/binary"
    kind = b"application/octet-stream" if binary else b"application/json"
    headers = [(b"content-type", kind), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2; Path=/")]
    await send({"type": "http.response.start", "status": 203, "headers": headers})
    sent = b"\\x00\\xff" if binary else json.dumps(told).encode()
    await send({"type": "http.response.body", "body": sent})


handler = Mangum(app, lifespan="off")
for line in sys.stdin:
    print(json.dumps(handler(json.loads(line), None)), flush=True)
"""
JSON = [("content-type", "application/json"), ("accept", "*/*"), ("host", "localhost:8000")]
Answered = Callable[[Incoming], tuple[int, list[tuple[str, str]], bytes]]


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answered]:
    """What a request is answered with, when Mangum's app has had its event."""
    variant, benchmark = catalog.variants()["lambda-fastapi"], catalog.benchmarks()["noop"]
    environment = environments.for_variant(variant, benchmark)
    place = tmp_path_factory.mktemp("app") / "app.py"
    place.write_text(APP)
    with subprocess.Popen(
        [environment.python, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def answer(exchange: Incoming) -> tuple[int, list[tuple[str, str]], bytes]:
            assert process.stdin is not None
            assert process.stdout is not None
            event = events.of_request(exchange, "8f5b-1")
            process.stdin.write(json.dumps(event) + "\n")
            process.stdin.flush()
            return events.answer(process.stdout.readline().encode())

        yield answer
        assert process.stdin is not None
        process.stdin.close()


def exchange(
    method: str, target: str, headers: list[tuple[str, str]], body: bytes = b""
) -> Incoming:
    made = Incoming(cast(ClientConnection, None))
    made.method, made.target, made.headers, made.body = method, target.encode(), headers, body
    return made


REQUESTS = {
    "JSON": exchange("POST", "/predict", JSON, '{"instances": ["ä", 1]}'.encode()),
    "binary": exchange("POST", "/any", [("content-type", "image/png")], b"\x89PNG\x00\xff"),
    "not UTF-8": exchange("POST", "/any", JSON, b"\xff{"),
    "without a body": exchange("GET", "/health", JSON[1:]),
    "a query": exchange("GET", "/a/b?x=1&x=2&y=&z=a%20b%26c", JSON[1:]),
    "repeated headers": exchange("GET", "/h", [("x-one", "a"), ("x-one", "b"), ("x-two", "c")]),
    "cookies": exchange("GET", "/c", [("cookie", "a=1; b=2"), ("accept", "*/*")]),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_an_app_sees_the_request_that_came(answered: Answered, name: str) -> None:
    sent = REQUESTS[name]
    status, headers, body = answered(sent)
    told = json.loads(body)
    path, _, query = sent.target.decode().partition("?")
    assert (status, told["method"], told["path"]) == (203, sent.method, path)
    assert sorted(parse_qsl(told["query"], keep_blank_values=True)) == sorted(
        parse_qsl(query, keep_blank_values=True)
    )
    assert base64.b64decode(told["body"]) == sent.body
    seen = dict(told["headers"])
    assert {key: list_of(value) for key, value in seen.items()} == joined(sent.headers)
    assert told["client"] == "127.0.0.1"
    assert [value for key, value in headers if key == "set-cookie"] == ["a=1", "b=2; Path=/"]
    assert ("content-type", "application/json") in headers


def test_a_binary_answer_comes_back_as_it_was(answered: Answered) -> None:
    status, headers, body = answered(exchange("GET", "/binary", []))
    assert (status, body) == (203, b"\x00\xff")
    assert ("content-type", "application/octet-stream") in headers


def list_of(value: str) -> list[str]:
    """A header's values: commas separate them, and semicolons cookies."""
    return [part.strip() for part in value.replace(";", ",").split(",")]


def joined(headers: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).extend(list_of(value))
    return found
