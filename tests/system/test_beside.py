"""What other commands do while a campaign measures on the machine."""

from __future__ import annotations

import threading

import pytest

from harness.measure.campaign import session
from tests.system.conftest import Command
from tests.system.endpoints import Endpoint, echo

pytestmark = pytest.mark.slow

SHORT = ("--rate", "40", "--duration", "0.2")


@pytest.mark.parametrize(
    ("command", "options"),
    [("load", SHORT), ("capacity", ("--slo", "p99<5s", "--budget", "3s"))],
)
def test_load_is_refused_unless_it_is_wanted_anyway(
    cli: Command, command: str, options: tuple[str, ...]
) -> None:
    with Endpoint(echo) as endpoint:
        with session.exclusive():
            refused = cli(command, endpoint.url, *options)
            assert refused.returncode == 2
            assert "A campaign is measuring on this machine (process " in refused.stderr
            assert "give --anyway" in refused.stderr
            assert endpoint.requests == []
            warned = cli(command, endpoint.url, *options, "--anyway")
        assert warned.stderr.startswith("warning: A campaign is measuring on this machine")
        assert endpoint.requests
        assert "campaign" not in cli(command, endpoint.url, *options).stderr


def test_verify_waits(cli: Command) -> None:
    over = threading.Event()
    held = threading.Event()

    def measure() -> None:
        with session.exclusive():
            held.set()
            over.wait()

    thread = threading.Thread(target=measure)
    thread.start()
    held.wait()
    ending = threading.Timer(1.0, over.set)
    ending.start()
    done = cli("verify", "null", "--benchmark", "noop")
    thread.join()
    assert done.returncode == 0, done.stderr
    assert "waiting until it ends" in done.stderr


def test_nobody_measures_where_there_is_no_lock(cli: Command) -> None:
    assert session.measuring() is None
    with session.exclusive():
        assert (session.measuring() or "").isdecimal()
    assert session.measuring() is None
