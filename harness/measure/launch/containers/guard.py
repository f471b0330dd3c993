"""Removes the containers of a harness that is gone, even of one that was killed.

Its standard input ends with the harness, whose identity is its argument, and says before that if
the harness itself has ended what it started. Beside the removal by the next command, which finds
what is left where this process was killed too.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time

_MOST_LOOKS = 60
_BETWEEN_S = 0.5


def main(owner: str) -> None:
    """Wait for the end of the owner, then clear up after it."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    is_done = bool(sys.stdin.buffer.read())

    from docker.errors import APIError, DockerException

    from harness.measure.launch.containers import engine

    with contextlib.suppress(engine.NoEngine, DockerException, OSError):
        client = engine.connect()
        # Of one that was killed, the engine may be making a container still.
        empty, wanted = 0, 1 if is_done else 2
        for _ in range(_MOST_LOOKS):
            left = engine.made_by(client, owner)
            for container in left:
                with contextlib.suppress(APIError):  # it is being removed already
                    container.remove(force=True, v=True)
            empty = 0 if left else empty + 1
            if empty == wanted:
                break
            time.sleep(_BETWEEN_S)


if __name__ == "__main__":
    main(sys.argv[1])
