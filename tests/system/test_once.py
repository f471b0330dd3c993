"""What control asks: the same as the load, and within its time."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from harness.measure.load.generator import once
from harness.measure.talk.ask import over_http
from harness.measure.talk.target import target
from harness.protocols import Message
from tests.system import endpoints
from tests.system.endpoints import Endpoint, Writer, echo, message, says
from tests.system.sandbox import LONG_S

pytestmark = pytest.mark.slow


def ask(url: str, seconds: float = LONG_S) -> tuple[int, bytes]:
    return once.ask(target(url, [Message(b"hello")], (("X-A", "1"),)), seconds)


def test_it_sends_what_load_sends() -> None:
    with Endpoint(echo) as endpoint:
        host = endpoint.url.split("/")[2]
        assert ask(endpoint.url) == (200, b"hello")
    (head,) = endpoint.requests
    lines = ["POST /predict HTTP/1.1", f"Host: {host}", "X-A: 1", "Content-Length: 5", "", ""]
    assert head.decode().split("\r\n") == lines


@pytest.mark.parametrize(
    "answer",
    [
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", message(b"hello")),
        (message(gzip.compress(b"hello"), 200, "Content-Encoding: gzip"),),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
        ),
    ],
    ids=["interim", "compressed", "chunks with a length"],
)
def test_it_takes_what_load_takes(answer: tuple[bytes, ...]) -> None:
    with Endpoint(says(*answer)) as endpoint:
        assert ask(endpoint.url) == (200, b"hello")


@pytest.mark.parametrize("coding", ["br", "zstd", "compress"])
def test_what_nobody_asked_for_is_named(coding: str) -> None:
    said = message(b"\x28\xb5\x2f\xfd", 200, f"Content-Encoding: {coding}")
    with Endpoint(says(said)) as endpoint, pytest.raises(once.NoAnswer) as caught:
        ask(endpoint.url)
    assert str(caught.value).startswith(f"its body is compressed with '{coding}', which the ")
    assert "'Accept-Encoding: identity'" in str(caught.value)


def test_a_status_says_more_than_a_body_that_cannot_be_read() -> None:
    for coding, body, shown in (
        ("br", b"\x8b\x02", b"(compressed with 'br')"),
        ("gzip", gzip.compress(b"busy", mtime=0), b"busy"),
    ):
        with Endpoint(says(message(body, 503, f"Content-Encoding: {coding}"))) as endpoint:
            assert ask(endpoint.url) == (503, shown)


def test_a_redirection_is_told_with_where_it_goes() -> None:
    with Endpoint(says(message(b"moved", 307, "Location: /there"))) as endpoint:
        reply = over_http(target(endpoint.url, [Message(b"")], (), "GET"), LONG_S)
    assert (reply.status, reply.words) == (307, "HTTP 307 to /there: moved")


def test_a_refusal_of_a_large_body_is_read() -> None:
    with endpoints.hasty(message(b"no", 413, "Connection: close")) as url:
        goal = target(url, [Message(b"x" * 30_000_000)], ())
        assert once.ask(goal, LONG_S) == (413, b"no")


def test_a_body_that_drips_without_an_end_is_given_up_in_time() -> None:
    async def drips(_: Endpoint, body: bytes, writer: Writer) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    with Endpoint(drips) as endpoint, pytest.raises(once.NoAnswer, match=r"within 0\.3 s"):
        ask(endpoint.url, 0.3)


def test_why_there_is_no_answer_is_said() -> None:
    with pytest.raises(once.NoAnswer, match="refused"):
        ask(endpoints.refused())
    with Endpoint(None) as endpoint, pytest.raises(once.NoAnswer, match=r"closed|reset"):
        ask(endpoint.url)
    with Endpoint(says(b"SSH-2.0-x\r\n")) as endpoint, pytest.raises(once.NoAnswer, match="SSH"):
        ask(endpoint.url)
