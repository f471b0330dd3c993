"""A cluster that is not on this machine is recognised."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from harness.measure.launch.kubernetes import nearness


@pytest.fixture(autouse=True)
def _interfaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a network card, and a bridge."""

    def on(address: str, mask: str, family: int = socket.AF_INET) -> SimpleNamespace:
        return SimpleNamespace(family=family, address=address, netmask=mask)

    found = {
        "eth0": [
            on("192.0.2.5", "255.255.255.0"),
            on("02:00:00:00:00:01", "", -1),
            on("2001:db8::5%eth0", "ffff:ffff:ffff:ffff::", socket.AF_INET6),
        ],
        "br0": [on("198.51.100.1", "255.255.255.0")],
    }
    (tmp_path / "br0" / "bridge").mkdir(parents=True)
    monkeypatch.setattr(nearness, "_INTERFACES", tmp_path)
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: found)


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("192.0.2.5", True),  # its own
        ("192.0.2.6", False),  # a neighbour's
        ("198.51.100.77", True),  # on its bridge: a machine or container within it
        ("2001:db8::5", True),
        ("2001:db8::6", False),
        ("203.0.113.1", False),
        ("no such host", False),
        ("", False),
    ],
)
def test_which_hosts_are_near(host: str, near: bool) -> None:
    assert nearness.is_near(host) is near


def test_a_far_cluster_is_refused_with_the_way_to_mean_it() -> None:
    assert nearness.why_not_near("https://[::1]:6443", "a") is None
    reason = nearness.why_not_near("https://203.0.113.1:6443", "prod")
    assert reason is not None
    assert "'prod' leads to 203.0.113.1, which is not on this machine" in reason
    assert "--yes-remote" in reason


def test_a_node_on_this_kernel_is_known_by_its_boot() -> None:
    def node(boot: str) -> dict[str, object]:
        return {"status": {"nodeInfo": {"bootID": boot}}}

    assert nearness.is_this_kernel(node(nearness.boot_id())) is bool(nearness.boot_id())
    assert not nearness.is_this_kernel(node("another"))
    assert not nearness.is_this_kernel({})
