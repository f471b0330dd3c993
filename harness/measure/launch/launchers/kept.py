"""A program below a keeper of its own, which ends all of it, also when the harness dies."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.base.errors import LaunchError
from harness.measure.launch.launchers.keeper import remove_shared_memory
from harness.stored.records import Stop

_KEEPER = Path(__file__).with_name("keeper.py")
_START_LIMIT_S = 10.0
_STOP_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOrder:
    """The facts that a keeper needs."""

    command: list[str]
    cwd: str
    environment: dict[str, str]
    cpus: list[int]
    log: str
    memory: str  # how the names of its files in /dev/shm begin
    stop_signal: str
    grace_s: float  # from that signal until it is killed


class Kept:
    """A program that was started below a keeper."""

    def __init__(self, name: str, order: KeptOrder) -> None:
        """Start it. Raises LaunchError, which names it."""
        self._memory = order.memory
        self._exit_code: int | None = None
        self._killed = False
        self.keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_KEEPER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            event = self._begun(order)
        except BaseException:  # interrupted: nobody else knows of it yet
            self._close(_STOP_LIMIT_S)
            raise
        if event is None or event["event"] != "started":
            self._close()
            reason = (event or {}).get("message", "its keeper did not start")
            raise LaunchError(f"{name} can't be started: {reason}.")
        self.pid: int = event["pid"]  # its own, not the keeper's
        self.started_ns: int = event["at_ns"]

    def _begun(self, order: KeptOrder) -> Any:
        assert self.keeper.stdin is not None
        self.keeper.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
        self.keeper.stdin.flush()
        return self._event(_START_LIMIT_S)

    def exit_code(self, within_s: float = 0) -> int | None:
        """The exit code, once the program has ended by itself; None if it has not in so long."""
        until = time.monotonic() + within_s
        while self._exit_code is None and not self._killed:
            event = self._event(max(until - time.monotonic(), 0))
            if event is not None and event["event"] == "exited":
                self._exit_code = event["exit_code"]
            elif self.keeper.poll() is not None:
                self._killed = True
            elif event is None:
                break
        return self._exit_code

    def exited(self) -> str | None:
        """Why it is gone, or None while it runs."""
        code = self.exit_code()
        if self._killed:
            return "its keeper was killed"
        return None if code is None else _exit_words(code)

    def stop(self) -> Stop:
        """End the whole tree; the keeper proves that nothing is left. Raises LaunchError."""
        self._close_stdin()
        event = self._event(_STOP_LIMIT_S)
        while event is not None and event["event"] != "stopped":
            event = self._event(_STOP_LIMIT_S)
        self._close()
        if event is None or not event["empty"]:
            raise LaunchError(
                f"Some of its processes could not be ended. Look for children of the ended "
                f"process {self.keeper.pid}."
            )
        return Stop(
            seconds=event["seconds"],
            exit_code=event["exit_code"],
            orphans=event["orphans"],
            killed=event["killed"],
        )

    def _event(self, seconds: float) -> Any:
        stream = self.keeper.stdout
        assert stream is not None
        ready, _, _ = select.select([stream], [], [], seconds)
        # Unbuffered, so that select and readline agree on what there is to read.
        line = _read_line(stream.fileno()) if ready else b""
        return json.loads(line) if line else None

    def _close_stdin(self) -> None:
        assert self.keeper.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.keeper.stdin.close()

    def _close(self, within_s: float = 5.0) -> None:
        self._close_stdin()
        try:
            self.keeper.wait(within_s)
        except subprocess.TimeoutExpired:
            self.keeper.kill()
            self.keeper.wait()
        assert self.keeper.stdout is not None
        self.keeper.stdout.close()
        remove_shared_memory(self._memory)  # its keeper did, unless it was killed


def _read_line(descriptor: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(descriptor, 1)
        if not byte:
            break
        line += byte
    return line


def _exit_words(code: int) -> str:
    return f"it ended with exit code {code}" if code >= 0 else f"it was killed by signal {-code}"
