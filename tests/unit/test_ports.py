"""Ports for servers."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from harness.measure.launch.launchers import ports


def within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    file = tmp_path / "range"
    file.write_text(text)
    monkeypatch.setattr(ports, "_OF_CONNECTIONS", file)


def test_ports_are_free_different_and_none_of_those_that_connections_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray's own processes once took the port that its proxy was to listen on."""
    within(tmp_path, monkeypatch, "32768\t60999\n")
    found = ports.free_ports(5)
    assert len(set(found)) == 5
    assert all(20000 <= port < 32768 or port > 60999 for port in found)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", found[0]))


def test_a_port_that_is_taken_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        within(tmp_path, monkeypatch, f"{port + 1} 65535")
        monkeypatch.setattr(ports, "_LEAST", port)
        assert ports.stable() == [port]
        assert ports.free_ports(1) != [port]


@pytest.mark.parametrize("text", ["1024 65535", "", "what is this"])
def test_without_such_ports_the_system_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    within(tmp_path, monkeypatch, text)
    assert ports.stable() == []
    assert len(set(ports.free_ports(3))) == 3


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"):
        ports.free_ports(1, "192.0.2.1")
