"""The web process's side of the federation: it is brought up and told to train by rounds."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
UP_S = 180.0  # for all clients to read their data and to connect
END_S = 8.0


class NotNow(Exception):
    """A request that does not fit the present state."""


class Federating:
    """No more than one federation, and one run of rounds, at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._run: subprocess.Popen[bytes] | None = None
        self._wanted = 0  # rounds, of all runs
        self._rounds: list[dict[str, Any]] = []
        self._clients = 0
        self._before: dict[str, Any] = {}  # what the federation had used when a round began

    def begin(self, clients: str) -> dict[str, Any]:
        """Bring up a SuperLink and a SuperNode for each client.

        Raises NotNow, ValueError for a folder without clients, RuntimeError.
        """
        if self._process is not None:
            raise NotNow("There is a federation already: DELETE /clients ends it.")
        began = time.monotonic()
        self._folder.mkdir(exist_ok=True)
        ready = self._folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, str(HERE / "federation.py"), clients, str(self._folder)]
        with self._log().open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > began + UP_S:
                self.end()
                raise RuntimeError(f"The federation did not come up: {self._last_words()}")
            time.sleep(0.05)
        self._clients = json.loads(ready.read_text())["clients"]
        return {"seconds": time.monotonic() - began, "clients_up": self._clients}

    def run(self, *, rounds: int, **settings: float) -> None:
        """Begin so many rounds. Raises NotNow."""
        if self._process is None:
            raise NotNow("There are no clients: POST /clients brings them up.")
        if self._run is not None and self._run.poll() is None:
            raise NotNow("Rounds are under way: wait until they are over.")
        told = " ".join(f"{name}={value}" for name, value in settings.items())
        told = f"rounds={rounds} {told}".replace("_s=", "-s=")
        bin_folder = Path(sys.executable).parent
        command = [str(bin_folder / "flwr"), "run", str(HERE / "app"), "local", "--stream"]
        environment = {**os.environ, "FLWR_HOME": str(self._folder / "link")}
        self._wanted = len(self._rounds) + rounds
        self._before = self._used()
        with (self._folder / "run.log").open("wb") as log:
            self._run = subprocess.Popen(
                [*command, "--run-config", told], stdout=log, stderr=log, env=environment
            )

    def note(self, version: int, facts: dict[str, Any]) -> dict[str, Any]:
        """A round is over: what it used since the one before, and what is to be said of it."""
        used = self._used()
        spent = {name: used[name] - self._before.get(name, 0) for name in used}
        self._before = used
        number = len(self._rounds) + 1
        said = _said(version, self._clients, facts)
        self._rounds.append({"round": number, "version": version, **facts, **spent, "said": said})
        return self._rounds[-1]

    def state(self) -> dict[str, Any]:
        """Whether rounds are under way, and those that are over."""
        under_way = self._run is not None and self._run.poll() is None
        missing = self._wanted - len(self._rounds)
        why = None
        if not under_way and missing > 0:
            why = f"{missing} rounds have not come to an end: {self._last_words('run.log')}"
        return {"under_way": under_way, "failed": why, "rounds": self._rounds}

    def end(self) -> None:
        """End all of it."""
        for process in (self._run, self._process):
            if process is None or process.poll() is not None:
                continue
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._process = None

    def _used(self) -> dict[str, Any]:
        """Bytes at the clients' sockets, and CPU seconds, until now."""
        told = json.loads((self._folder / "ready.json").read_text())
        try:
            with socket.create_connection(("127.0.0.1", told["figures"]), 10) as sock:
                parts = iter(lambda: sock.recv(65536), b"")
                found: dict[str, Any] = json.loads(b"".join(parts))
                return found
        except (OSError, ValueError):
            return {}

    def _log(self) -> Path:
        return self._folder / "federation.log"

    def _last_words(self, name: str = "federation.log") -> str:
        lines = (self._folder / name).read_text(errors="replace").split("\n")
        return " ".join([line.strip() for line in lines if line.strip()][-3:])


def _said(version: int, clients: int, facts: dict[str, Any]) -> str | None:
    """A sentence where not all clients took part; None where they did."""
    missing = clients - facts["answered"]
    if not missing:
        return None
    within = f"within {facts['deadline_s']:g} s"
    why = f" ({facts['refusals'][0]})" if facts["refusals"] else ""
    if missing == clients:
        return f"None of {clients} clients answered {within}{why}: version {version} stays."
    return (
        f"{missing} of {clients} clients did not answer {within}{why}: version {version} was made "
        f"of the other {facts['answered']}."
    )
