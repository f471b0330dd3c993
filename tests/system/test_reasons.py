"""Why requests of a window failed, as the driver and the commands tell it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.system import endpoints
from tests.system.conftest import Command
from tests.system.endpoints import Endpoint, Writer, says
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow

SHORT = ("--rate", "40", "--duration", "0.5", "--profile", "constant", "--timeout", "2")


def _causes(cli: Command, *arguments: str) -> list[dict[str, Any]]:
    done = cli("load", *arguments, "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    for error, count in found["errors"].items():
        told = [cause["count"] for cause in found["causes"] if cause["error"] == error]
        assert sum(told) == count, "every failure has its cause"
    causes: list[dict[str, Any]] = found["causes"]
    return causes


@pytest.mark.parametrize("load", [SHORT, ("--concurrency", "2", "--duration", "0.3")])
@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (endpoints.refused, "refused"),
        (lambda: "http://no-such-host.invalid/", "name not found"),
    ],
    ids=["refused", "name"],
)
def test_no_connection(
    cli: Command, load: tuple[str, ...], url: Callable[[], str], kind: str
) -> None:
    (cause,) = _causes(cli, url(), *load)
    assert (cause["error"], cause["kind"]) == ("connect", kind)


@pytest.mark.parametrize(
    ("coding", "body", "said"),
    [
        ("zstd", b"\x28\xb5\x2f\xfd", "(compressed with 'zstd')"),
        ("gzip", gzip.compress(b"busy", mtime=0), "busy"),
    ],
)
@pytest.mark.parametrize("load", [SHORT, ("--concurrency", "2", "--duration", "0.3")])
def test_an_error_that_is_compressed(
    cli: Command, load: tuple[str, ...], coding: str, body: bytes, said: str
) -> None:
    answer = endpoints.message(body, 503, f"Content-Encoding: {coding}")
    with Endpoint(says(answer)) as endpoint:
        (cause,) = _causes(cli, endpoint.url, *load)
    assert (cause["kind"], cause["said"]) == ("503", said)


def _in_turn() -> Callable[[Endpoint, bytes, Writer], Any]:
    answers = (
        endpoints.message(b"", 307, "Location: /predict/"),
        endpoints.message(b"who?\x1b[2J", 401),
        endpoints.message(b"busy", 503),
    )
    asked = [0]

    async def behave(_: Endpoint, __: bytes, writer: Writer) -> bool:
        writer.write(answers[asked[0] % 3])
        asked[0] += 1
        await writer.drain()
        return True

    return behave


@pytest.mark.parametrize("load", [SHORT, ("--concurrency", "1", "--duration", "0.3")])
def test_each_status_is_told_with_its_count_and_words(cli: Command, load: tuple[str, ...]) -> None:
    with Endpoint(_in_turn()) as endpoint:
        causes = _causes(cli, endpoint.url, *load)
    assert {cause["kind"]: (cause["said"], cause["location"]) for cause in causes} == {
        "307": (None, "/predict/"),
        "401": ("who?\\x1b[2J", None),
        "503": ("busy", None),
    }
    counts = [cause["count"] for cause in causes]
    assert max(counts) - min(counts) <= 1


def test_people_are_told_too(cli: Command) -> None:
    with Endpoint(says(endpoints.message(b"who?", 401))) as endpoint:
        done = cli("load", endpoint.url, *SHORT)
    assert "20 status (401 'who?')" in done.stdout


def test_a_hang_up_and_nonsense_are_told_apart(cli: Command) -> None:
    with Endpoint(says(b"", stays=False)) as endpoint:
        closed = _causes(cli, endpoint.url, *SHORT)
    assert {cause["kind"] for cause in closed} == {"closed without an answer"}
    with Endpoint(says(b"SSH-2.0-OpenSSH\r\n\r\n")) as endpoint:
        nonsense = _causes(cli, endpoint.url, *SHORT)
    assert {(cause["error"], cause["kind"]) for cause in nonsense} == {("garbage", "malformed")}
    assert all(cause["said"] for cause in nonsense)


@pytest.mark.parametrize(
    "load", [SHORT, ("--concurrency", "2", "--duration", "0.3", "--timeout", "0.5")]
)
def test_a_server_that_does_not_answer_a_handshake_is_told_from_a_silent_address(
    cli: Command, load: tuple[str, ...]
) -> None:
    """It speaks plain HTTP, and waits for the rest of a head."""
    with Endpoint(says(b"never said")) as endpoint:
        done = cli("load", endpoint.url.replace("http://", "https://"), *load)
    said = "(no answer to the TLS handshake; possibly the server speaks http://)"
    assert said in done.stdout


@pytest.mark.parametrize(
    ("limit", "named"), [("-n 64", True), ("-S -n 64", False)], ids=["hard", "soft"]
)
def test_a_limit_of_this_machine_is_not_the_servers(
    sandbox: Sandbox, limit: str, named: bool
) -> None:
    load = ["load", "--concurrency", "100", "--duration", "0.3", "--json"]
    command = [sys.executable, "-m", "harness", *load]
    with Endpoint(endpoints.hold) as endpoint:
        releasing = threading.Timer(3, endpoint.release)
        releasing.start()
        limited = ["sh", "-c", f'ulimit {limit}; exec "$@"', "sh", *command, endpoint.url]
        environment = {**os.environ, **sandbox.settings}
        done = subprocess.run(limited, env=environment, capture_output=True, text=True)
        releasing.cancel()
    kinds = {cause["kind"] for cause in json.loads(done.stdout)["causes"]}
    assert ("no descriptors" in kinds) == named, "the soft limit is raised to the hard one"
