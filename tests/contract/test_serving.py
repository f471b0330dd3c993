"""Every variant answers as the reference does, offline, takes faults, and leaves nothing behind.

Two commands verify half of the variants each, beside one another: nothing is timed. A third asks a
few payloads of what `--all` leaves out, which is slow. They run in network namespaces of their own,
where there is nothing but loopback.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.base import paths
from harness.base.errors import ProvisionError
from harness.measure.launch import launchers
from harness.measure.prepare import artefacts, environments
from harness.setup import catalog
from harness.setup.catalog import Variant
from harness.setup.functions import CLOUD_RUN, LAMBDA
from harness.stored import plan
from tests.contract.locks import assert_locked

# One fixture brings up every variant, and from cold caches installs every environment before.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

HALVES = 2
FEW = 0.05  # of the payloads
FUNCTIONS = {"instances": "process"}  # there is no engine in a network of one's own
LIMIT_S = 6 * 3600  # what takes so long will not end, however busy the machine is
# They need no weights that may be out of reach. Faults are inflicted on the first.
BENCHMARKS = list(catalog.presets()["standard"].benchmarks)
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41


def fields() -> list[Variant]:
    """What `run --all` measures here, and what it leaves out although it could run."""
    return [
        variant
        for name, variant in sorted(catalog.variants().items())
        if not name.startswith("_") and not variant.server.table.only_docker
        # Its instances are containers, which are not in a network of one's own: tests/docker.
        if variant.launcher != CLOUD_RUN
    ]


def pairs(variants: list[Variant]) -> list[tuple[str, str]]:
    """Each with the benchmarks that it serves."""
    return [
        (variant.name, benchmark)
        for variant in variants
        for benchmark in BENCHMARKS
        if plan.why_not(variant, catalog.benchmarks()[benchmark], "cpu") is None
    ]


CHECKED = [v for v in fields() if v.table.in_all]
LEFT_OUT = [v for v in fields() if not v.table.in_all]
LOTS = [*((CHECKED[number::HALVES], 1.0) for number in range(HALVES)), (LEFT_OUT, FEW)]
ROUGH = [
    variant.name for variant in CHECKED if not variant.table.reference and not variant.table.inside
]


@dataclass(frozen=True)
class Verified:
    """What the commands said and left."""

    rows: dict[tuple[str, str], dict[str, Any]]
    output: str
    scratch: tuple[Path, ...]


def _alone() -> None:
    """In the child: no network but loopback, which is off in a new namespace."""
    libc = ctypes.CDLL(None)
    if libc.unshare(_NEW_NET) != 0 and libc.unshare(_NEW_USER | _NEW_NET) != 0:
        raise OSError("no network namespace")
    with socket.socket() as sock:
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))


def can_be_alone() -> bool:
    """Whether this machine lets a process cut itself off from the network."""
    try:
        return subprocess.run(["true"], preexec_fn=_alone, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


ALONE = sys.platform == "linux" and can_be_alone()


def _install(variant: Variant) -> None:
    made = launchers.registered()[variant.launcher].made(FUNCTIONS)
    for benchmark in BENCHMARKS:
        try:
            made.provide(variant, catalog.benchmarks()[benchmark], Path(), "cpu")
        except ProvisionError:
            return  # `verify` says so by itself, as a failure of this variant alone


@pytest.fixture(scope="module")
def verified(short_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Verified:
    """Every variant on every benchmark."""
    with ThreadPoolExecutor(HALVES) as pool:
        list(pool.map(_install, fields()))
        for name in BENCHMARKS:  # weights and all: there is no network where they are used
            benchmark = catalog.benchmarks()[name]
            reference = catalog.variants()["in-process"]
            artefacts.ensure(benchmark, environments.for_variant(reference, benchmark))
        scratch = tuple(short_folder / str(number) for number in range(len(LOTS)))
        for folder in scratch:
            folder.mkdir()
        cpus = sorted(os.sched_getaffinity(0))
        own = [{*cpus[n % HALVES :: HALVES]} or {*cpus} for n in range(len(LOTS))]
        done = list(pool.map(_verify, *zip(*LOTS, strict=True), scratch, own))
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for command in done:
        for line in command.stdout.splitlines():
            row = json.loads(line)
            # Every command has the references, and the last one asks few payloads of them too.
            rows.setdefault((row["variant"], row["benchmark"]), row)
    # Kept for scripts/fault_table.py.
    (tmp_path_factory.getbasetemp() / "verified.jsonl").write_text("".join(c.stdout for c in done))
    return Verified(rows, "\n".join(c.stdout + c.stderr for c in done), scratch)


def _verify(
    variants: list[Variant], share: float, scratch: Path, cpus: set[int]
) -> subprocess.CompletedProcess[str]:
    def begin() -> None:
        os.sched_setaffinity(0, cpus)
        if ALONE:
            _alone()

    names = [variant.name for variant in variants]
    options = [part for name in BENCHMARKS for part in ("--benchmark", name)]
    options += ["--share", str(share), "--faults", "--json"]
    if any(variant.launcher == LAMBDA for variant in variants):
        options += [part for name, value in FUNCTIONS.items() for part in (f"--{name}", value)]
    return subprocess.run(
        [sys.executable, "-m", "harness", "verify", *names, *options],
        env={**os.environ, "TMPDIR": str(scratch)},  # the machine-wide lock is there too
        cwd=paths.PROJECT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        preexec_fn=begin,
    )


def _why(row: dict[str, Any]) -> str:
    return f"{row['message']}\n{row['log']}" if row else ""


@pytest.mark.parametrize(("variant", "benchmark"), pairs(CHECKED))
def test_every_answer_is_right(verified: Verified, variant: str, benchmark: str) -> None:
    reference = catalog.variants()[variant].table.reference
    payloads = len(catalog.benchmarks()[benchmark].payloads())
    row = verified.rows.get((variant, benchmark), {})
    assert row.get("outcome") == "ok", _why(row) or verified.output
    assert row["verified"] == (0 if reference else payloads)


@pytest.mark.parametrize(("variant", "benchmark"), pairs(LEFT_OUT))
def test_what_is_left_out_of_all_is_right_too(
    verified: Verified, variant: str, benchmark: str
) -> None:
    row = verified.rows.get((variant, benchmark), {})
    assert row.get("outcome") == "ok", _why(row) or verified.output
    assert row["verified"] >= FEW * len(catalog.benchmarks()[benchmark].payloads())


@pytest.mark.parametrize("variant", [v.name for v in CHECKED if v.server.table.package])
def test_the_version_is_read_back(verified: Verified, variant: str) -> None:
    row = verified.rows[variant, BENCHMARKS[0]]
    assert_locked(catalog.variants()[variant], row["version"])


@pytest.mark.parametrize("variant", ROUGH)
def test_it_refuses_what_is_wrong_and_goes_on(verified: Verified, variant: str) -> None:
    row = verified.rows[variant, BENCHMARKS[0]]
    tried = [fault["fault"] for fault in row["faults"]]
    assert {"not JSON", "wrong type", "empty text", "10 MB of text"} <= set(tried)
    assert [fault["fault"] for fault in row["faults"][1:-1] if not fault["serves"]] == []
    assert [f["message"] for f in row["findings"] if f["name"] == "bad-input"] == []


@pytest.mark.parametrize("variant", ROUGH)
def test_it_listens_on_loopback_only(verified: Verified, variant: str) -> None:
    names = [finding["name"] for finding in verified.rows[variant, BENCHMARKS[0]]["findings"]]
    assert "listens-beyond-loopback" not in names


@pytest.mark.parametrize("variant", ROUGH)
def test_a_killed_worker_is_a_finding(verified: Verified, variant: str) -> None:
    found = verified.rows[variant, BENCHMARKS[0]]["findings"]
    assert [f["verdict"] for f in found if f["name"] == "worker-killed"] in (["note"], ["warning"])


@pytest.mark.skipif(not ALONE, reason="this machine lets no process leave the network")
def test_it_all_ran_offline(verified: Verified) -> None:
    assert {outcome["outcome"] for outcome in verified.rows.values()} == {"ok"}, verified.output


def test_nothing_is_left(verified: Verified) -> None:
    for scratch in verified.scratch:
        assert list(processes_that_know(str(scratch))) == []
        assert [path.name for path in scratch.iterdir()] == ["serving-harness.lock"]
    shared = [path.name for path in Path("/dev/shm").glob("*")]
    assert [name for name in shared if re.match("harness|triton|ray|plasma", name)] == []


def processes_that_know(text: str) -> Iterator[str]:
    """Command lines of the processes that have the text in their environment, as servers have."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (entry / "environ").read_bytes():
                yield (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it has ended, or is not ours


def test_no_server_writes_into_its_own_folder(verified: Verified) -> None:
    del verified
    listed = subprocess.run(
        ["git", "status", "--porcelain", "--ignored", "--", "servers"],
        cwd=paths.PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    made = [line for line in listed.stdout.splitlines() if line.startswith(("??", "!!"))]
    assert [line for line in made if "__pycache__" not in line] == []
