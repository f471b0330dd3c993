"""One answer over HTTP/1.1: what clients take, this takes; what it refuses, it says why."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable

import pytest

from harness.measure.load.generator.answer import Answer, Unfit
from harness.measure.load.generator.coding import decoded

MOST = 1 << 20
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def fed(pieces: Iterable[bytes], *, bodiless: bool = False) -> Answer:
    answer = Answer(keep=True, most=MOST, bodiless=bodiless)
    for piece in pieces:
        answer.feed(piece)
    return answer


def of(*lines: str, body: bytes = b"hello", first: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1") + body


TAKEN = {
    "a length": HELLO,
    "chunks": of("Transfer-Encoding: chunked", body=CHUNKS),
    "chunks and a length": of("Content-Length: 7", "Transfer-Encoding: chunked", body=CHUNKS),
    "chunks, then a length": of("transfer-encoding: Chunked", "content-length: 7", body=CHUNKS),
    "chunks said twice": of(
        "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=CHUNKS
    ),
    "a length said twice": of("Content-Length: 5", "content-length:5"),
    "a length in a list": of("Content-Length: 5, 5"),
    "a blank before the colon": of("Content-Length : 5"),
    "a folded header": of("X: a", "  b", "Content-Length: 5"),
    "bytes that no text has": of("X: \xff\x01", "Content-Length: 5"),
    "no reason": of("Content-Length: 5", first="HTTP/1.1 200"),
    "bare line ends": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "blanks after a chunk's size": of(
        "Transfer-Encoding: chunked", body=b"5  \r\nhello\r\n0\r\n\r\n"
    ),
    "line ends before it": b"\r\n\r\n" + HELLO,
    "an interim answer": of("Link: </a>", body=HELLO, first="HTTP/1.1 103 Early Hints"),
    "three of them": 2 * of(body=b"", first="HTTP/1.1 100 Continue")
    + of("Content-Length: 3", body=HELLO, first="HTTP/1.1 102 Processing"),
}


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("form", TAKEN)
def test_what_clients_take_is_taken(form: str, size: int) -> None:
    data = TAKEN[form]
    answer = fed(data[place : place + size] for place in range(0, len(data), size))
    assert answer.whole
    assert answer.alone
    assert (answer.status, b"".join(answer.body)) == (200, b"hello")
    assert answer.keep_alive


REFUSED = {
    "a length that is no number": (of("Content-Length: five"), "Content-Length"),
    "a length that is none": (of("Content-Length: "), "Content-Length"),
    "two lengths": (of("Content-Length: 5", "Content-Length: 6"), "more than once: 5 and 6"),
    "two lengths in a list": (of("Content-Length: 5, 6"), "more than once: 5 and 6"),
    "a broken chunk": (of("Transfer-Encoding: chunked", body=b"zz\r\n"), "chunk size"),
    "no header": (of("nothing", "Content-Length: 5"), "header"),
    "no status": (of(first="HTTP/1.1 OK"), "status"),
    "another version in words": (of(first="HTTP/2 200"), "dot"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP/1: b'SSH-2.0"),
    "HTTP/2 alone": (b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80", "speaks only HTTP/2"),
    "an alert of TLS": (b"\x15\3\1\0\2\2\x46", "write https://"),
    "a header block without an end": (of("X: " + "a" * (1 << 18))[:-9], "longer than 256 KiB"),
    "a body without an end": (of("Transfer-Encoding: chunked", body=b"ffffff\r\n" * MOST), "1 MiB"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_is_refused_says_why(form: str) -> None:
    data, why = REFUSED[form]
    with pytest.raises(Unfit, match=why) as caught:
        fed([data])
    assert caught.value.hopeless == (form in ("HTTP/2 alone", "an alert of TLS"))


def test_another_protocol_is_an_error_at_once_and_ends_the_connection() -> None:
    answer = fed([of("Upgrade: websocket", body=b"", first="HTTP/1.1 101 Switching Protocols")])
    assert answer.whole
    assert answer.status == 101
    assert not answer.keep_alive


@pytest.mark.parametrize("line", ["Content-Length: 5", "Transfer-Encoding: chunked", "X: y"])
def test_an_answer_to_head_has_no_body(line: str) -> None:
    answer = fed([of(line, body=b"")], bodiless=True)
    assert answer.whole
    assert answer.alone
    assert answer.keep_alive


@pytest.mark.parametrize("more", [HELLO, b"x", b"HTTP/1.1 2"])
def test_what_follows_an_answer_is_noticed(more: bytes) -> None:
    answer = fed([HELLO + more])
    assert answer.whole
    assert not answer.alone
    assert answer.body == [b"hello"]


def test_without_a_length_it_ends_where_the_connection_does() -> None:
    answer = fed([of("Connection: close", body=b"hel"), b"lo"])
    assert not answer.whole
    assert answer.end()
    assert b"".join(answer.body) == b"hello"
    assert not fed([HELLO[:-1]]).end()
    assert not fed([HELLO[:20]]).end()
    assert not fed([of(body=b"", first="HTTP/1.1 100 Continue")]).end()


def test_a_body_that_nobody_keeps_is_not_kept() -> None:
    answer = Answer(keep=False, most=1 << 40)
    answer.feed(of("Transfer-Encoding: chunked", body=b""))
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for _ in range(100):
        answer.feed(piece)
    assert sum(map(len, answer.body)) <= 1024


def test_the_encoding_and_the_place_to_go_to_are_known() -> None:
    answer = fed([of("Content-Encoding: gzip", "Location: /b", "Content-Length: 5")])
    assert (answer.encoding, answer.location) == (b",gzip", b"/b")


GZIPPED = gzip.compress(b"hello", mtime=0)
IN_CHUNKS = f"{len(GZIPPED):x}\r\n".encode() + GZIPPED + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (["Transfer-Encoding: gzip, chunked"], IN_CHUNKS),
        (["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"], IN_CHUNKS),
        (["Transfer-Encoding: gzip"], GZIPPED),
        (["Transfer-Encoding: identity"], b"hello"),
        (["Transfer-Encoding: identity", "Content-Length: 5"], b"hello"),
        (["Content-Length: 5", "Transfer-Encoding: Identity", "Content-Length: 5"], b"hello"),
        ([f"Content-Length: {len(GZIPPED)}", "Transfer-Encoding: gzip"], GZIPPED),
        (["X: chunked"], b"hello"),
    ],
)
def test_what_compresses_a_transfer_is_undone(lines: list[str], body: bytes) -> None:
    answer = fed([of(*lines, body=body)])
    answer.end()
    assert answer.whole
    assert decoded(b"".join(answer.body), answer.encoding, MOST) == b"hello"


def test_the_compression_of_the_transfer_is_undone_before_that_of_the_content() -> None:
    body = gzip.compress(zlib.compress(b"hello"), mtime=0)
    lines = ("Transfer-Encoding: gzip", "Content-Encoding: deflate", "Connection: close")
    answer = fed([of(*lines, body=body)])
    assert answer.end()
    assert decoded(b"".join(answer.body), answer.encoding, MOST) == b"hello"
