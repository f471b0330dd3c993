"""nginx in front of the service: it keeps the address, and turns to another server by a reload.

A reload starts workers with the new configuration on the same listening socket; those of the old
one take no more requests, answer what they have, and end. So no request is refused in between, and
the old server has nothing left to do when the last old worker is gone. Where a server takes over a
listening socket itself, its program must be told how, and connections that stand stay with the old
one for as long as their clients like.
"""

from __future__ import annotations

import os
import pwd
import signal
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.base import whole
from harness.base.errors import LaunchError, NothingRan
from harness.measure.launch.launchers.kept import Kept, KeptOrder
from harness.measure.launch.launchers.ports import free_ports
from harness.measure.talk.ask import Unanswered, over_http
from harness.measure.talk.target import target
from harness.protocols import Message
from harness.setup import components

HOST = "127.0.0.1"
_LIMIT_S = 10.0  # until it listens, and until a reload has workers
_POLL_S = 0.005
_READY = "/harness-front"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
# A connection that is kept open to the server, and that the server closes as a request is sent on
# it, has the request sent once more on another, as clients do; they are not kept for longer than
# servers usually keep them.
_CONFIGURATION = """\
daemon off;
{user}worker_processes {workers};
worker_shutdown_timeout {timeout_s}s;
pid "{folder}/pid";
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  {temporary}
  client_max_body_size 0;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  upstream service {{
    server {host}:{to};
    keepalive 32;
    keepalive_timeout 1s;
  }}
  server {{
    listen {host}:{port};
    location = {ready} {{ return 200; }}
    location = {route} {{
      proxy_pass http://service{path};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_next_upstream error non_idempotent;
      proxy_set_header Host $http_host;
      proxy_read_timeout {timeout_s}s;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontOrder:
    """The settings of a front that stay the same."""

    folder: Path
    cpus: tuple[int, ...]
    route: str  # that clients ask
    path: str  # that servers have it at
    timeout_s: float  # of a request


def require() -> None:
    """Raises NothingRan where this machine has no nginx that serves."""
    if why := components.why_not(components.FRONT):
        raise NothingRan(f"A pipeline needs a front: {why}.")


def release() -> str:
    """The front's program, with its release."""
    return f"{components.FRONT} {components.release(components.FRONT) or ''}".strip()


class FrontGone(LaunchError):
    """The front has ended by itself: no request reaches the service any more."""


class Front:
    """A front that was started, for a server's port. Raises LaunchError."""

    def __init__(self, order: FrontOrder, to: int) -> None:
        self._order = order
        (self.port,) = free_ports(1, HOST)
        self._log = order.folder / "log"
        self._configuration = order.folder / "nginx.conf"
        self._leaving: set[int] = set()
        order.folder.mkdir()
        self._log.touch()
        self._write(to)
        program = str(components.place(components.FRONT))
        kept_order = KeptOrder(
            command=[program, "-e", "stderr", "-c", str(self._configuration)],
            cwd=str(order.folder),
            environment={"PATH": os.defpath, "LANG": "C.UTF-8"},
            cpus=list(order.cpus),
            log=str(self._log),
            memory=f"harness-{uuid.uuid4().hex}-",
            stop_signal="SIGTERM",
            grace_s=5.0,
        )
        self._kept = Kept("nginx", kept_order)
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def turn(self, to: int) -> None:
        """Let new requests go to that port; those under way stay where they are. Raises
        LaunchError where it did not take that up: then all goes on as before. Raises FrontGone."""
        before = self._workers()
        self._write(to)
        self.require_alive()
        with suppress(ProcessLookupError):
            os.kill(self._kept.pid, signal.SIGHUP)
        end = time.monotonic() + _LIMIT_S
        while not self._workers() - before:
            self.require_alive()
            if time.monotonic() > end:
                raise LaunchError(
                    f"nginx did not take up its new configuration within {_LIMIT_S:g} s: "
                    f"{self._said()}"
                )
            time.sleep(_POLL_S)
        self._leaving = before

    def drain(self) -> None:
        """Wait until what was under way before the turn is answered. Raises LaunchError, also as
        FrontGone."""
        limit_s = self._order.timeout_s + _LIMIT_S
        end = time.monotonic() + limit_s
        while self._leaving & self._workers():
            self.require_alive()
            if time.monotonic() > end:
                raise LaunchError(
                    f"Requests to the server before are still under way after {limit_s:g} s."
                )
            time.sleep(_POLL_S)

    def require_alive(self) -> None:
        """Raises FrontGone."""
        if ended := self._kept.exited():
            raise FrontGone(f"nginx, the front of the service, is gone: {ended}: {self._said()}")

    def stop(self) -> None:
        """End it."""
        self._kept.stop()

    def _workers(self) -> set[int]:
        pid = self._kept.pid
        try:
            return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
        except OSError:
            return set()

    def _write(self, to: int) -> None:
        folder, user = self._order.folder, ""
        if os.geteuid() == 0:  # else its workers would be another user's
            user = f"user {pwd.getpwuid(0).pw_name};\n"
        temporary = "\n  ".join(f'{n}_temp_path "{folder}/{n}";' for n in _TEMPORARY)
        text = _CONFIGURATION.format(
            user=user,
            workers=len(self._order.cpus),
            timeout_s=max(round(self._order.timeout_s), 1),
            folder=folder,
            temporary=temporary,
            host=HOST,
            port=self.port,
            ready=_READY,
            route=self._order.route,
            to=to,
            path=self._order.path,
        )
        whole.write(self._configuration, text.encode())

    def _wait_until_ready(self) -> None:
        goal = target(self.url + _READY, [Message(b"")], (), "GET")
        end = time.monotonic() + _LIMIT_S
        while True:
            if (ended := self._kept.exited()) or time.monotonic() > end:
                why = ended or f"it did not answer within {_LIMIT_S:g} s"
                raise LaunchError(f"nginx can't be used as a front: {why}: {self._said()}")
            try:
                if over_http(goal, _LIMIT_S).is_success:
                    return
            except Unanswered:
                time.sleep(_POLL_S)

    def _said(self) -> str:
        return (
            " ".join(self._log.read_text(errors="replace").split())[-400:] or "it printed nothing"
        )
