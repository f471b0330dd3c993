"""The usage of a process tree, read from /proc."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from pathlib import Path

from harness.windows.samples import MISSING

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PARENT, _USER, _SYSTEM, _CHILD_USER, _CHILD_SYSTEM, _THREADS, _RSS = 1, 11, 12, 13, 14, 17, 21


def usage(keeper: int, *, pss: bool) -> dict[str, int]:
    """Columns of samples.Usage, of all below the process `keeper`.

    CPU time counts ended processes too, once their parent has waited for them. PSS is MISSING
    unless asked for: the kernel walks the server's page tables for it.
    """
    stats = _stats()
    pids = below(keeper, {pid: int(fields[_PARENT]) for pid, fields in stats.items()})
    rows = [
        [int(fields[place]) for place in (_USER, _SYSTEM, _CHILD_USER, _CHILD_SYSTEM)]
        for pid, fields in stats.items()
        if pid in pids
    ]
    ticks = sum(map(sum, rows))
    if keeper in stats:  # orphans that ended were waited for by the keeper
        ticks += int(stats[keeper][_CHILD_USER]) + int(stats[keeper][_CHILD_SYSTEM])
    return {"cpu_ns": ticks * _TICK_NS, **_of(stats, pids, pss=pss)}


def of_processes(pids: Iterable[int], *, pss: bool) -> dict[str, int]:
    """The same of these processes, but for their CPU time; MISSING where none can be seen from
    here, as with an engine in a virtual machine."""
    stats = _stats()
    seen = stats.keys() & set(pids)
    found = _of(stats, seen, pss=pss)
    return found if seen else dict.fromkeys(found, MISSING)


def _of(stats: Mapping[int, list[bytes]], pids: Set[int], *, pss: bool) -> dict[str, int]:
    return {
        "rss_bytes": sum(int(stats[pid][_RSS]) for pid in pids) * _PAGE,
        "pss_bytes": _pss_of(pids) if pss else MISSING,
        "processes": len(pids),
        "threads": sum(int(stats[pid][_THREADS]) for pid in pids),
    }


def exposed(keeper: int) -> tuple[str, ...]:
    """`address:port` of each socket below the keeper that listens beyond loopback."""
    import psutil

    found = set()
    for pid in pids(keeper):
        with suppress(psutil.Error):
            for socket in psutil.Process(pid).net_connections("inet"):
                if socket.status == psutil.CONN_LISTEN and not _is_loopback(socket.laddr.ip):
                    found.add(f"{socket.laddr.ip}:{socket.laddr.port}")
    return tuple(sorted(found))


def pids(keeper: int) -> set[int]:
    """Every process below the keeper."""
    return below(keeper, {pid: int(fields[_PARENT]) for pid, fields in _stats().items()})


def _is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def below(root: int, parents: dict[int, int]) -> set[int]:
    """Every process whose chain of parents leads to the root."""
    found: set[int] = set()
    layer = {root}
    while layer:
        layer = {pid for pid, parent in parents.items() if parent in layer} - found
        found |= layer
    return found


def _stats() -> dict[int, list[bytes]]:
    found = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - faster than building paths
        if entry.isdigit():
            try:
                raw = Path(f"/proc/{entry}/stat").read_bytes()
            except OSError:
                continue
            found[int(entry)] = raw.rpartition(b")")[2].split()
    return found


def _pss_of(pids: Iterable[int]) -> int:
    """The sum over all processes; MISSING if one of them can't be read, because the sum would be
    wrong."""
    each = [_pss(pid) for pid in pids]
    return MISSING if MISSING in each else sum(each)


def _pss(pid: int) -> int:
    """0 of a process that has ended; MISSING of one that may not be read."""
    path = Path(f"/proc/{pid}/smaps_rollup")
    try:
        text = path.read_text()
    except ProcessLookupError:
        return 0
    except OSError:
        return MISSING if path.parent.exists() else 0
    line = next((line for line in text.splitlines() if line.startswith("Pss:")), "Pss: 0")
    return int(line.split()[1]) * 1024
