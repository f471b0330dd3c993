"""Removes the containers of a harness that is gone, even of one that was killed.

Its standard input ends with the harness, whose identity is its argument. Beside the removal by the
next command, which finds what is left where this process was killed too.
"""

from __future__ import annotations

import contextlib
import signal
import sys


def main(owner: str) -> None:
    """Wait for the end of the owner, then clear up after it."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()

    from docker.errors import DockerException

    from harness.measure.launch.containers import engine

    with contextlib.suppress(engine.NoEngine, DockerException, OSError):
        client = engine.connect()
        for container in engine.made_by(client, owner):
            container.remove(force=True, v=True)


if __name__ == "__main__":
    main(sys.argv[1])
