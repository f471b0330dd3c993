"""Stands between the harness and one server: starts it, and ends all of it.

Every descendant of a server, even one that made itself a daemon, becomes this process's child when
its parent ends (PR_SET_CHILD_SUBREAPER). So there is nothing left exactly when waitpid says that
there is no child. It ends the server when it is told to, and when the harness dies, since its
standard input ends then. Standard library only: it runs on a bare interpreter (`python -I -S`).

Standard input: one line of JSON, the order; any later line, or its end, means: stop.
Standard output: a line of JSON for each event.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import stat
import subprocess
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LEFTOVER_GRACE_S = 2.0
KILL_GRACE_S = 10.0
POLL_S = 0.02
SHARED_MEMORY = "/dev/shm"


def say(**event: object) -> None:
    """Tell the harness, if it is still there."""
    try:
        os.write(1, json.dumps(event).encode() + b"\n")
    except OSError:
        pass


def parents() -> dict[int, int]:
    """Parent of every process of the machine, by process id."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if fields[0] != b"Z":
                found[int(entry)] = int(fields[1])
    return found


def descendants() -> set[int]:
    """Every living process below this one."""
    family, known = parents(), {os.getpid()}
    while True:
        more = {pid for pid, parent in family.items() if parent in known} - known
        if not more:
            return known - {os.getpid()}
        known |= more


def remove_shared_memory(prefix: str) -> None:
    """Remove what a server that was killed has left: this user's files of that name alone."""
    try:
        names = os.listdir(SHARED_MEMORY)
    except OSError:
        return  # there is none here
    for name in names:
        path = os.path.join(SHARED_MEMORY, name)
        if not name.startswith(prefix):
            continue
        try:
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid():
                os.unlink(path)
        except OSError:
            pass  # it has gone by itself


def die_with_parent() -> None:
    """The parent's death ends this process, even when nothing could be said to it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def prepare() -> None:
    """In the server's process, before its program: die with the keeper; take signals again."""
    die_with_parent()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Keeper:
    """The order, the server's process, and what became of it."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.exit_code: int | None = None
        self.empty = False
        log = open(order["log"], "ab", buffering=0)
        os.sched_setaffinity(0, order["cpus"])
        self.server = subprocess.Popen(
            order["command"],
            cwd=order["cwd"],
            env=order["environment"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=prepare,
        )

    def reap(self) -> None:
        """Collect every child that has ended; note the server's own exit, and an empty nest."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self.empty = True
                return
            if pid == 0:
                self.empty = False
                return
            if pid == self.server.pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
                say(event="exited", exit_code=self.exit_code, at_ns=time.monotonic_ns())

    def watch(self) -> None:
        """Until the harness says stop or goes away."""
        os.set_blocking(0, False)
        while True:
            ready, _, _ = select.select([0], [], [], 0.1)
            self.reap()
            if ready:
                return

    def wait(self, seconds: float, done: Callable[[], bool]) -> bool:
        """Whether `done()` came true in time."""
        end = time.monotonic() + seconds
        while True:
            self.reap()
            if done():
                return True
            if time.monotonic() > end:
                return False
            time.sleep(POLL_S)

    def signal_all(self, number: int) -> int:
        """Send a signal to every descendant; how many there were."""
        pids = descendants()
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        return len(pids)

    def leave(self) -> None:
        """Stop, then end: this process itself received a signal."""
        self.stop()
        sys.exit(0)

    def stop(self) -> None:
        """The server first, then what it left behind, then by force."""
        began = time.monotonic()
        self.reap()
        if self.exit_code is None:
            self.server.send_signal(signal.Signals[self.order["stop_signal"]])
            self.wait(self.order["grace_s"], lambda: self.exit_code is not None)
        orphans = killed = 0
        if not self.wait(0.1, lambda: self.empty) and self.exit_code is not None:
            orphans = self.signal_all(signal.SIGTERM)
            self.wait(LEFTOVER_GRACE_S, lambda: self.empty)
        end = time.monotonic() + KILL_GRACE_S
        while not self.empty and time.monotonic() < end:
            killed = max(killed, self.signal_all(signal.SIGKILL))
            self.wait(0.2, lambda: self.empty)
        if self.empty:
            remove_shared_memory(self.order["memory"])
        say(
            event="stopped",
            exit_code=self.exit_code,
            orphans=orphans,
            killed=killed,
            empty=self.empty,
            seconds=time.monotonic() - began,
        )


def main() -> None:
    """Keep one server."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)
    line = sys.stdin.buffer.readline()
    if not line:
        return  # the harness went before it said what to keep
    order = json.loads(line)
    at_ns = time.monotonic_ns()
    try:
        keeper = Keeper(order)
    except OSError as error:
        say(event="refused", message=str(error))
        return
    signal.signal(signal.SIGTERM, lambda *_: keeper.leave())
    say(event="started", pid=keeper.server.pid, at_ns=at_ns)
    keeper.watch()
    keeper.stop()


LIBC = ctypes.CDLL(None)
if __name__ == "__main__":
    main()
