"""`harness worker`: this machine sends a part of another machine's load."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import click

from harness.base.errors import EXIT_FAILED, EXIT_OK, UsageError
from harness.cli import _say


@click.command("worker")
@click.argument("master")
@click.option("--cpus", help="CPUs, such as 0,2-3, with one worker each; default: all.")
@click.option("--address", default="", help="Address of this machine to send HTTP requests from.")
def command(master: str, cpus: str | None, address: str) -> int:
    """Send load for a `--driver locust` on another machine; MASTER is its HOST:PORT.

    Ends when that command ends. Use it only on a trusted network: nothing is encrypted.
    """
    from harness.measure.load.drivers.locust import address as parts
    from harness.measure.load.drivers.locust import require_locust

    require_locust()
    host, port = parts(master)
    own = os.sched_getaffinity(0)
    chosen = sorted(own) if cpus is None else numbers(cpus)
    if not own.issuperset(chosen):
        raise UsageError(f"--cpus: this process may only use {sorted(own)}.")
    program = [sys.executable, "-m", "harness.measure.load.swarm.locust_worker", host, str(port)]
    sources = [address] if address else []
    workers = [subprocess.Popen([*program, str(cpu), *sources]) for cpu in chosen]
    _say.line(f"{len(workers)} workers for {master}, CPUs {chosen}", err=True)
    try:
        codes = [worker.wait() for worker in workers]
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait()
    return EXIT_FAILED if any(codes) else EXIT_OK


def numbers(text: str) -> list[int]:
    """The numbers in `0,2-3`, ascending, each once. Raises UsageError."""
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if match is None or int(match[1]) > int(match[2] or match[1]):
            raise UsageError(f"--cpus: {text!r} is not a list of CPUs, such as 0,2-3.")
        first, last = int(match[1]), int(match[2] or match[1])
        found |= set(range(first, last + 1))
    return sorted(found)
