"""What a server is asked while it comes up."""

from __future__ import annotations

import pytest

from harness.measure.launch import readiness
from harness.measure.talk.ask import Reply, Unanswered
from harness.protocols import Message


@pytest.mark.parametrize(
    ("status", "body", "version"),
    [
        (200, b'{"name": "triton", "version": "2.51.0"}', "2.51.0"),
        (200, b'{"name": "triton"}', None),
        (200, b'{"version": 2}', None),
        (200, b'{"version": "2\\u001b[31m"}', None),
        (200, b'["2.51.0"]', None),
        (200, b"2.51.0 of something", None),
        (404, b'{"version": "2.51.0"}', None),
    ],
)
def test_the_version_that_a_server_tells(status: int, body: bytes, version: str | None) -> None:
    def get(path: str, posted: Message | None = None) -> Reply:
        assert path == "/v2"
        return Reply(status, body, "")

    assert readiness.version(get, "/v2") == version


def test_a_server_that_is_gone_tells_none() -> None:
    def get(path: str, posted: Message | None = None) -> Reply:
        raise Unanswered(f"refused: {path}")

    assert readiness.version(get, "/v2") is None
