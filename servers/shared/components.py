"""On the PYTHONPATH of every server process: the programs that a server consists of, kept alive.

A process manager does the same in production: what dies is started again, and all of it ends with
the server. Only the web process may take the server down with it, when it can't be started.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

AGAIN_S = 0.2  # before a program that has ended is started again
QUICK_S = 1.0  # a program that ends so soon did not run
TRIES = 5  # that end so soon, one after the other, before the server gives up
GRACE_S = 5.0  # from SIGTERM until SIGKILL


@dataclass
class Program:
    """One that is kept alive."""

    name: str
    command: list[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    failures: int = 0
    ready: Callable[[], bool] = field(default=lambda: True)


class Supervisor:
    """Starts programs in the order in which they are added, ends them in the opposite one."""

    def __init__(self) -> None:
        self._programs: list[Program] = []
        self._ended = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def add(
        self,
        name: str,
        command: list[str],
        *,
        ready: Callable[[], bool] = lambda: True,
        ready_s: float = 30.0,
        **environment: str,
    ) -> None:
        """Start a program, and wait until it is ready. Raises RuntimeError."""
        program = Program(name, command, {**os.environ, **environment}, ready=ready)
        self._programs.append(program)
        self._start(program)
        until = time.monotonic() + ready_s
        while not ready():
            if program.process is None or program.process.poll() is not None:
                raise RuntimeError(f"{name} ended before it was ready.")
            if time.monotonic() > until:
                raise RuntimeError(f"{name} was not ready within {ready_s:g} s.")
            time.sleep(0.01)

    def once(self, command: list[str], **environment: str) -> int:
        """Run a program to its end, or until the server is told to stop; its exit code."""
        process = subprocess.Popen(command, env={**os.environ, **environment})
        while process.poll() is None:
            if self._ended:
                process.terminate()
            time.sleep(0.01)
        return process.returncode

    def pids(self) -> dict[str, int]:
        """The programs that run, by name."""
        return {each.name: each.process.pid for each in self._programs if each.process is not None}

    def run(self) -> None:
        """Keep all of them alive until the server is told to stop."""
        try:
            while not self._ended:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    time.sleep(0.02)
                    continue
                self._again(pid, os.waitstatus_to_exitcode(status))
        finally:
            self.end()

    def end(self) -> None:
        """End all of them, the last one first."""
        for program in reversed(self._programs):
            process = program.process
            if process is None or process.returncode is not None:
                continue
            process.terminate()
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, program: Program) -> None:
        program.began = time.monotonic()
        program.process = subprocess.Popen(program.command, env=program.environment)

    def _again(self, pid: int, code: int) -> None:
        for program in self._programs:
            process = program.process
            if process is not None and process.pid == pid:
                process.returncode = code
                quick = time.monotonic() - program.began < QUICK_S
                program.failures = program.failures + 1 if quick else 0
                if program.failures >= TRIES:
                    sys.exit(f"{program.name} ended {TRIES} times at once, last with {code}")
                print(f"{program.name} ended with {code}: it is started again", flush=True)
                time.sleep(AGAIN_S)
                self._start(program)

    def _stop(self, *_: object) -> None:
        self._ended = True


def redis(supervisor: Supervisor, *options: str) -> str:
    """The URL of a Redis of this server's own, on a unix socket in its temporary folder; or of the
    one that runs beside it in a container of its own. Its file is written at each change, so that a
    broker that was killed comes back with all that it had acknowledged. The options are those of
    redis-server: `--maxmemory`, `8mb`."""
    if beside := os.environ.get("HARNESS_REDIS_URL"):
        until = time.monotonic() + 30.0  # its container is started after this one
        while not _pongs(beside):
            if time.monotonic() > until:
                raise RuntimeError(f"No Redis answers at {beside}.")
            time.sleep(0.01)
        _configure(beside, options)
        return beside
    folder = Path(os.environ["TMPDIR"], "redis")
    folder.mkdir(exist_ok=True)
    path = short(folder / "socket")
    url = f"unix://{path}"
    command = [
        os.environ.get("HARNESS_REDIS_SERVER", "redis-server"),
        *("--port", "0", "--unixsocket", path, "--dir", str(folder), "--daemonize", "no"),
        *("--save", "", "--appendonly", "yes", "--appendfsync", "always"),
        *("--maxmemory-policy", "noeviction", "--loglevel", "warning", *options),
    ]
    supervisor.add("redis-server", command, ready=lambda: _pongs(url))
    return url


def _configure(url: str, options: tuple[str, ...]) -> None:
    """Give a Redis that runs already the options that one of this server's own would be started
    with, and have it keep them for when it is started again. Raises RuntimeError."""
    pairs = zip(options[::2], options[1::2], strict=True)
    commands = [("SET", name.removeprefix("--"), value) for name, value in pairs]
    for command in [*commands, ("REWRITE",)] if commands else []:
        try:
            said = _told(url, "CONFIG", *command) or "it hung up"
        except OSError as error:
            said = str(error)
        if said != "+OK":
            raise RuntimeError(f"Redis at {url} refuses CONFIG {' '.join(command)}: {said}.")


def short(path: Path) -> str:
    """A path that a socket may have, which has 107 characters at most."""
    if len(str(path)) < 100:
        return str(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    return f"/proc/{os.getpid()}/fd/{descriptor}/{path.name}"


def _pongs(url: str) -> bool:
    try:
        return _told(url, "PING") == "+PONG"
    except OSError:
        return False


def _told(url: str, *words: str) -> str:
    """The first line of the answer to a command. Raises OSError."""
    place = urlsplit(url)
    with _connected(place.hostname, place.port, place.path) as sock:
        parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
        sock.sendall("".join((f"*{len(words)}\r\n", *parts)).encode())
        with sock.makefile("rb") as answer:
            return answer.readline().decode(errors="replace").strip()


def _connected(host: str | None, port: int | None, path: str) -> socket.socket:
    if host is not None:
        return socket.create_connection((host, port or 6379), 1.0)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(1.0)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return sock
