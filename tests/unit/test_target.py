"""Request messages, byte for byte, and what can't stand in one."""

from __future__ import annotations

import base64

import pytest

from harness.base.errors import UsageError
from harness.measure.talk.target import rpc_target, split, target
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
    ],
)
def test_where_and_what(url: str, host: str, port: int, tls: bool, line: str, named: str) -> None:
    goal = target(url, [Message(b"{}")], (("Accept", "x"),))
    head = f"POST {line} HTTP/1.1\r\nHost: {named}\r\nAccept: x\r\nContent-Length: 2\r\n\r\n"
    assert (goal.host, goal.port, goal.tls) == (host, port, tls)
    assert goal.messages == (head.encode() + b"{}",)


def test_one_message_for_each_body_with_its_own_length() -> None:
    first, second = target("http://h/", [Message(b"1"), Message(b"22\r\n\xff")], ()).messages
    assert first == b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1"
    assert second == b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n22\r\n\xff"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_an_empty_body_has_a_length(method: str) -> None:
    (message,) = target("http://h/", [Message(b"")], (), method).messages
    assert message == f"{method} / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n".encode()


def test_headers_of_ones_own_replace_the_tools_in_any_case() -> None:
    own = Message(b"{}", headers={"Content-Type": "application/json", "X-Own": "1"})
    given = (("host", "other"), ("CONTENT-TYPE", "text/plain"))
    (message,) = target("http://h/", [own], given).messages
    lines = message.split(b"\r\n")[1:-2]
    assert lines == [b"X-Own: 1", b"host: other", b"CONTENT-TYPE: text/plain", b"Content-Length: 2"]


def test_repeated_headers_are_sent_as_given() -> None:
    given = (("X-A", "1"), ("X-B", "2"), ("x-a", "3"), ("X-A", "1"))
    (message,) = target("http://h/", [Message(b"")], given, "GET").messages
    assert message.split(b"\r\n")[2:-2] == [b"X-A: 1", b"X-B: 2", b"x-a: 3", b"X-A: 1"]


@pytest.mark.parametrize(
    ("user", "pair"),
    [
        ("me:secret", b"me:secret"),
        ("me", b"me:"),
        ("a%40b:p%3A%2f", b"a@b:p:/"),
        ("m%C3%A9:", "mé:".encode()),
    ],
)
def test_a_user_in_the_url_becomes_a_header(user: str, pair: bytes) -> None:
    goal = target(f"http://{user}@h:1/", [Message(b"")], (), "GET")
    credentials = base64.b64encode(pair)
    head = b"GET / HTTP/1.1\r\nHost: h:1\r\nAuthorization: Basic " + credentials + b"\r\n\r\n"
    assert goal.messages == (head,)
    over_grpc = rpc_target(f"http://{user}@h:1", [Message(b"")], (), "/s/m")
    assert over_grpc.metadata == (("authorization", f"Basic {credentials.decode()}"),)


def test_a_header_of_ones_own_wins_over_the_user_in_the_url() -> None:
    given = (("authorization", "Bearer x"),)
    (message,) = target("http://me:secret@h/", [Message(b"")], given, "GET").messages
    assert message.lower().count(b"authorization") == 1
    assert b"authorization: Bearer x\r\n" in message


@pytest.mark.parametrize(
    "url",
    [
        "http://me:s3cret@h:port/",
        "http://me:s3cret@",
        "ftp://me:s3cret@h/",
        "http://me:s3cret@h/a b",
        "http://me:s3 cret@h/",
        "http://me:s3cret@[h/",
        "me:s3cret@h/",
        "me:s3cret//x@h/",
        "me:s3cret@h",
        "//me:s3cret@h/",
    ],
)
def test_no_error_shows_a_password(url: str) -> None:
    with pytest.raises(UsageError, match="is not a URL") as caught:
        target(url, [Message(b"")], (), "GET")
    assert "s3" not in str(caught.value)
    assert "cret" not in str(caught.value)


def test_a_request_without_a_body() -> None:
    (message,) = target("http://h/", [Message(b"")], (), "GET").messages
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
        target(url, [Message(b"{}")], ())


@pytest.mark.parametrize(
    "header",
    [
        ("X", "a\r\nX-Injected: yes"),
        ("X", "a\nX-Injected: yes"),
        ("X", "a\rb"),
        ("X\r\nX-Injected", "yes"),
        ("X", "a\x00b"),
        ("X", "\u00e4"),
    ],
)
def test_a_bad_header_is_refused_without_its_value(header: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match=r"can't stand in a request\.$") as caught:
        target("http://h/", [Message(b"{}")], (header,))
    assert "yes" not in str(caught.value)


def test_a_bad_method_is_refused() -> None:
    with pytest.raises(UsageError, match="can't stand in"):
        target("http://h/", [Message(b"")], (), "GET / HTTP/1.1\r\nX-Injected: yes\r\nGET")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://m\u00fcnchen.invalid/", "write its host as xn--mnchen-3ya.invalid."),
        ("http://m\u00fcnchen.invalid:80/", "write its host as xn--mnchen-3ya.invalid."),
        ("http://me:s3cret@h\u00e4/", "write its host as xn--h-0fa."),
        ("http://\u00e4..b/", "its host is not a host name."),
        ("http://h/\u00e4", "write spaces and the like in it as %20."),
        ("http://h\n/", "write spaces and the like in it as %20."),
    ],
)
def test_what_to_do_about_it(url: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        split(url, ("http", "https"))
    assert str(caught.value).endswith(f"is not a URL: {said}")
    assert "s3cret" not in str(caught.value)


def test_a_zone_is_the_resolvers_alone() -> None:
    goal = target("http://[fe80::1%25lo]:8080/x", [Message(b"")], (), "GET")
    assert goal.host == "fe80::1%lo"
    assert b"\r\nHost: [fe80::1]:8080\r\n" in goal.messages[0]
