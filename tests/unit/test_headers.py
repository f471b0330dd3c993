"""Headers that a user gives, and that no secret is stored."""

from __future__ import annotations

import json

import pytest

from harness.base.errors import HarnessError, UsageError
from harness.base.secrecy import shown
from harness.measure.talk import headers
from harness.measure.talk.ask import Unanswered
from harness.measure.talk.target import split
from harness.setup.endpoints import Endpoint, by_name


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "sesame: open")
    given = headers.given(["Authorization: Bearer $TOKEN", "X-Tenant:a", "Price: $$5"])
    assert given[0] == ("Authorization", "Bearer $TOKEN")
    assert headers.filled(given) == (
        ("Authorization", "Bearer sesame: open"),
        ("X-Tenant", "a"),
        ("Price", "$5"),
    )


def test_a_header_may_be_given_more_than_once() -> None:
    given = headers.given(["X-A: 1", "X-B: 2", "X-A: 3"])
    assert given == (("X-A", "1"), ("X-B", "2"), ("X-A", "3"))
    kept = Endpoint(name="e", url="http://h/", protocol="json", headers=by_name(given))
    assert kept.headers == {"X-A": ("1", "3"), "X-B": "2"}
    assert kept.each_header == (("X-A", "1"), ("X-A", "3"), ("X-B", "2"))


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "TRANSFER-ENCODING"])
def test_what_says_where_a_request_ends_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="leave it out"):
        headers.given([f"{name}: 5"])


@pytest.mark.parametrize("name", ["X Y", "X-Näme", "X\r\nY", "(X)"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(UsageError, match="is not a header's name"):
        headers.given([f"{name}: v"])


@pytest.mark.parametrize("value", ["s3cr3t\n", "s3cr\t3t", "s3crét", "s3\x7f3"])
def test_a_value_that_cannot_be_sent_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TOKEN", value)
    with pytest.raises(UsageError, match="value of the header 'Authorization'") as caught:
        headers.filled(headers.given(["Authorization: Bearer $TOKEN"]))
    assert "s3" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "Authorization", ": x", "  : x"])
def test_what_is_no_header(text: str) -> None:
    with pytest.raises(UsageError, match="is not of the form 'Name: value'"):
        headers.given([text])


@pytest.mark.parametrize("name", ["Authorization", "X-Api-Key", "cookie", "X-TOKEN"])
def test_a_secret_is_refused_where_it_would_be_stored(name: str) -> None:
    with pytest.raises(UsageError, match=r"Put it into an environment variable") as caught:
        headers.require_no_secret(((name, "sesame"),))
    assert "sesame" not in str(caught.value)
    headers.require_no_secret(((name, "$TOKEN"), ("Accept", "x")))


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    with pytest.raises(UsageError, match="needs the variable 'TOKEN'"):
        headers.filled((("Authorization", "$TOKEN"),))
    with pytest.raises(UsageError, match="a lone"):
        headers.filled((("Price", "5 $"),))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("sesame\n", "a line break at its end"),
        ("ses\rame\r", "a line break,"),
        ("ses\tame", "a tab,"),
        ("sesame\x07", "a control character at its end"),
        ("s\u00e9same", "a letter beyond ASCII,"),
    ],
)
def test_a_value_that_cannot_be_sent_is_not_told(
    monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("TOKEN", value)
    with pytest.raises(
        UsageError, match=f"The variable 'TOKEN', value of .*Auth.*, holds {said}"
    ) as told:
        headers.filled((("Authorization", "Bearer $TOKEN"),))
    assert "same" not in str(told.value)
    with pytest.raises(UsageError, match=f"The value of the header 'X' holds {said}") as told:
        headers.filled((("X", value),))
    assert "same" not in str(told.value)


def test_what_repeats_a_value_tells_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a server does in an answer, or a library in an exception."""
    monkeypatch.setenv("TOKEN", 'ses"ame\\7')
    assert headers.filled((("X", "Bearer $TOKEN"),)) == (("X", 'Bearer ses"ame\\7'),)
    for text in ('no ses"ame\\7 here', json.dumps('no ses"ame\\7 here').strip('"')):
        assert str(HarnessError(text)) == "no $TOKEN here"
        assert str(Unanswered(text)) == "no $TOKEN here"


@pytest.mark.parametrize(
    "url",
    ["http://me:openup@h/ x", "ftp://me:openup@h", "://me:openup@", "http://me:op/enup@h/"],
)
def test_the_user_of_what_is_no_url_is_not_told(url: str) -> None:
    with pytest.raises(UsageError, match="is not a URL") as told:
        split(url, ("http", "https"))
    assert "op" not in str(told.value)
    assert "enup" not in str(told.value)


def test_the_user_of_a_url_is_not_told() -> None:
    url = "http://me:op%65nup@h/?mail=a@b"
    split(url, ("http", "https"))
    assert shown(url) == "http://h/?mail=a@b"
    for said in ("wrong password openup", "Basic bWU6b3BlbnVw was refused", "me:op%65nup"):
        assert "enup" not in str(HarnessError(said))
        assert "***" in str(HarnessError(said))


@pytest.mark.parametrize("url", ["http://h:1/a?b=c", "http://h/?mail=a@b"])
def test_a_url_without_a_user_is_shown_as_it_is(url: str) -> None:
    split(url, ("http", "https"))
    assert shown(url) == url
