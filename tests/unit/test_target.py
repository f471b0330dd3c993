"""Request messages, byte for byte, and what can't stand in one."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.measure.target import target
from harness.protocols import Message


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "line", "named"),
    [
        ("http://h", "h", 80, False, "/", "h"),
        ("https://h", "h", 443, True, "/", "h"),
        ("https://h:8443/a", "h", 8443, True, "/a", "h:8443"),
        (
            "http://127.0.0.1:9/a/b?c=d&e=%20",
            "127.0.0.1",
            9,
            False,
            "/a/b?c=d&e=%20",
            "127.0.0.1:9",
        ),
        ("http://h?a=b", "h", 80, False, "/?a=b", "h"),
        ("http://h/a#part", "h", 80, False, "/a", "h"),
        ("http://[::1]:8080/a", "::1", 8080, False, "/a", "[::1]:8080"),
        ("http://[::1]/", "::1", 80, False, "/", "[::1]"),
        ("http://me:secret@h:1/", "h", 1, False, "/", "h:1"),
    ],
)
def test_where_and_what(url: str, host: str, port: int, tls: bool, line: str, named: str) -> None:
    goal = target(url, [Message(b"{}")], {"Accept": "x"})
    head = f"POST {line} HTTP/1.1\r\nHost: {named}\r\nAccept: x\r\nContent-Length: 2\r\n\r\n"
    assert (goal.host, goal.port, goal.tls) == (host, port, tls)
    assert goal.messages == (head.encode() + b"{}",)


def test_one_message_for_each_body_with_its_own_length() -> None:
    first, second = target("http://h/", [Message(b"1"), Message(b"22\r\n\xff")], {}).messages
    assert first == b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1"
    assert second == b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n22\r\n\xff"


def test_a_request_without_a_body() -> None:
    (message,) = target("http://h/", [Message(b"")], {}, "GET").messages
    assert message == b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h",
        "h:80/path",
        "//h/",
        "/path",
        "ftp://h/",
        "http://",
        "http:///path",
        "http://:80/",
        "http://h:port/",
        "http://h:99999/",
        "http://[::1/",
        "http://[h]/",
        "http://h\u00e4/",
        "http://h/\u00e4",
        "http://h/a b",
        " http://h/",
        "http://h/\r\nX-Injected: yes",
        "http://h/\nX-Injected: yes",
        "http://h\r\n/",
        "http://h/\t",
        "http://h/\x00",
    ],
)
def test_a_bad_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is not a URL"):
        target(url, [Message(b"{}")], {})


@pytest.mark.parametrize(
    "header",
    [
        {"X": "a\r\nX-Injected: yes"},
        {"X": "a\nX-Injected: yes"},
        {"X": "a\rb"},
        {"X\r\nX-Injected": "yes"},
        {"X": "a\x00b"},
        {"X": "\u00e4"},
    ],
)
def test_a_bad_header_is_refused(header: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"can't stand in a request\.$"):
        target("http://h/", [Message(b"{}")], header)


def test_a_bad_method_is_refused() -> None:
    with pytest.raises(UsageError, match="can't stand in"):
        target("http://h/", [Message(b"")], {}, "GET / HTTP/1.1\r\nX-Injected: yes\r\nGET")
