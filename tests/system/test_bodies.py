"""Several bodies, and templates filled from lines, for `load` and `capacity` of a URL."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.endpoints import Endpoint, echo
from tests.system.sandbox import Sandbox

Command = Callable[..., "subprocess.CompletedProcess[str]"]
URL = "http://127.0.0.1:1/"


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    file = tmp_path / "lines.jsonl"
    file.write_text('{"instance": "a"}\n"b"\n\n["c"]\n')
    return file


@pytest.mark.slow
def test_every_body_is_sent_before_any_is_again(sandbox: Sandbox, lines: Path) -> None:
    file = sandbox.root / "one.json"
    file.write_bytes(b"{}")
    more = ("--body", str(file), "--body", str(file), "--bodies", str(lines))
    load = ("--rate", "40", "--duration", "1", "--profile", "constant")
    with Endpoint(echo) as endpoint:
        done = sandbox.harness("load", endpoint.url, *load, *more)
        assert done.returncode == 0, done.stderr
        assert all(b"Content-Type: application/json" in head for head in endpoint.requests)
        counts = Counter(endpoint.bodies)
    assert counts == {b"{}": 16, b'{"instance": "a"}': 8, b'"b"': 8, b'["c"]': 8}


@pytest.mark.slow
def test_a_template_is_filled_from_each_line(sandbox: Sandbox, lines: Path) -> None:
    template = sandbox.root / "endpoint.toml"
    template.write_text(
        'body = \'{"text": $instance, "id": $id}\'\nquery = { lang = "en" }\n'
        '[headers]\nX-Own = "$OWN"\n'
    )
    arguments = ("--request", str(template), "--bodies", str(lines))
    load = ("--concurrency", "1", "--duration", "0.3")
    with Endpoint(echo) as endpoint:
        url = f"{endpoint.url}?key=1"
        done = sandbox.harness("load", url, *load, *arguments, OWN="mine")
        assert done.returncode == 0, done.stderr
        assert {head.split()[1] for head in endpoint.requests} == {b"/predict?key=1&lang=en"}
        assert all(b"X-Own: mine\r\n" in head for head in endpoint.requests)
        sent = {json.dumps(json.loads(body)) for body in endpoint.bodies[3:]}
    wanted = [{"text": text, "id": str(n)} for n, text in enumerate(("a", "b", ["c"]))]
    assert sent <= {json.dumps(each) for each in wanted}
    assert len(sent) == 3


@pytest.mark.slow
def test_a_capacity_of_several_bodies(sandbox: Sandbox, lines: Path) -> None:
    with Endpoint(echo) as endpoint:
        arguments = ("--slo", "p50<5s", "--budget", "3s", "--bodies", str(lines))
        sandbox.harness("capacity", endpoint.url, *arguments)
        assert set(endpoint.bodies) == {b'{"instance": "a"}', b'"b"', b'["c"]'}


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("", (), "has no lines"),
        ("{", ("--request", "[$instance]"), "line 1: not JSON, so not an instance"),
        ("1", ("--request", "[1]"), "no $instance"),
        ("1", ("--request", "[$instance"), "not JSON once $instance is filled in"),
    ],
)
def test_lines_that_are_none(
    cli: Command, tmp_path: Path, text: str, more: tuple[str, ...], said: str
) -> None:
    file = tmp_path / "bodies"
    file.write_text(text)
    done = cli("load", URL, "--rate", "1", "--bodies", str(file), *more)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_template_needs_lines(cli: Command) -> None:
    done = cli("load", URL, "--rate", "1", "--request", "[$instance]")
    assert done.returncode == 2
    assert "--request takes its instances from --bodies" in done.stderr


def test_more_than_a_generator_should_hold(
    cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.cli._bodies._MOST_BYTES", 10)
    file = tmp_path / "bodies"
    file.write_text("123456\n123456\n")
    done = cli("load", URL, "--rate", "1", "--bodies", str(file))
    assert done.returncode == 2
    assert "The bodies have more than" in done.stderr


def test_a_pipe_is_read_to_its_end(cli: Command, tmp_path: Path) -> None:
    """As a shell's `<(...)` is."""
    os.mkfifo(pipe := tmp_path / "pipe")
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"{" * 200_000))
    writer.start()
    done = cli("load", URL, "--rate", "1", "--bodies", str(pipe), "--request", "[$instance]")
    writer.join()
    assert done.returncode == 2
    assert f"{pipe}, line 1: not JSON, so not an instance" in done.stderr


@pytest.mark.parametrize("option", ["--body", "--bodies"])
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(
    cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr("harness.cli._bodies._COMES_S", 0.05)
    os.mkfifo(pipe := tmp_path / "pipe")
    done = cli("load", URL, "--rate", "1", option, str(pipe))
    assert done.returncode == 2
    assert f"Nothing came from {pipe} for 0.05 s: nobody writes to this pipe" in done.stderr


def test_a_pipe_that_is_never_closed_is_not_waited_for(
    cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.cli._bodies._COMES_S", 0.05)
    os.mkfifo(pipe := tmp_path / "pipe")
    descriptor = os.open(pipe, os.O_RDWR)
    try:
        os.write(descriptor, b"{}")
        done = cli("load", URL, "--rate", "1", "--body", str(pipe))
    finally:
        os.close(descriptor)
    assert done.returncode == 2
    assert "or its writer does not close it" in done.stderr


def test_a_variant_has_its_benchmark_s_payloads(cli: Command, lines: Path) -> None:
    done = cli("capacity", "_fake", "--bodies", str(lines))
    assert done.returncode == 2
    assert "--bodies goes with a URL" in done.stderr
