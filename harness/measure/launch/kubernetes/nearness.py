"""Whether an address is on this machine: load must not hit somebody's cluster by mistake."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from harness.measure.launch.kubernetes.cluster import Json

_INTERFACES = Path("/sys/class/net")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_near(host: str) -> bool:
    """Whether all addresses of a host are this machine's: loopback, its own, or on one of its own
    bridges, as those of machines and containers within it are."""
    try:
        found = {_address(str(each[4][0])) for each in socket.getaddrinfo(host, None)}
    except (OSError, ValueError, UnicodeError):
        return False
    return bool(found) and all(map(_is_ours, found))


def why_not_near(server: str, context: str) -> str | None:
    """Why the API server of a context is none of this machine's, as a reason; None where it is."""
    host = urlsplit(server).hostname or ""
    if is_near(host):
        return None
    return (
        f"the context {context!r} leads to {host or server}, which is not on this machine, and "
        "load could hit somebody's cluster by mistake; --yes-remote says that this is meant"
    )


@cache
def boot_id() -> str:
    """That of this machine's kernel; empty where it does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def is_this_kernel(node: Json) -> bool:
    """Whether a node runs on this machine's own kernel, so that its clock and its processes are
    ours."""
    told = node.get("status", {}).get("nodeInfo", {}).get("bootID", "")
    return bool(told) and told == boot_id()


def _is_ours(address: Address) -> bool:
    if address.is_loopback:
        return True
    for own, network, bridge in _interfaces():
        if address == own or (bridge and address in network):
            return True
    return False


def _interfaces() -> Iterator[tuple[Address, ipaddress.IPv4Network | ipaddress.IPv6Network, bool]]:
    """(own address, its network, whether it is that of a bridge) of this machine."""
    for name, addresses in psutil.net_if_addrs().items():
        bridge = (_INTERFACES / name / "bridge").is_dir()
        for each in addresses:
            if each.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            own = _address(each.address)
            yield own, ipaddress.ip_network(f"{own}/{_bits(each.netmask, own)}", False), bridge


def _bits(mask: str | None, own: Address) -> int:
    """The length of a network's prefix."""
    if not mask:
        return own.max_prefixlen
    return int(_address(mask)).bit_count()


def _address(text: str) -> Address:
    return ipaddress.ip_address(text.partition("%")[0])
