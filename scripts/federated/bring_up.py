"""The server `federated` as the harness starts it, with clients, and what is asked of it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from harness.measure.campaign import reference
from harness.measure.campaign.tools import Tools
from harness.measure.campaign.verification import EVERYTHING
from harness.measure.cell import federated_rounds
from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launched
from harness.measure.load.generator.job import Fired
from harness.measure.load.generator.pool import requests_of
from harness.setup import catalog
from harness.windows.samples import Requests

VARIANT = "federated"
_POLL_S = 0.2


class Keeping(Stages):
    """Answers are kept for later: which head they must agree with is not known before the end."""

    fired: Fired | None = None

    def _judge(self, fired: Fired) -> tuple[Requests, int, list[str]]:
        self.fired = fired
        return requests_of(fired), 0, []


@dataclass
class Federation:
    """A server that is up, and its port for clients and rounds."""

    stages: Keeping
    launched: Launched
    folder: Path
    http: httpx.Client
    dealt: dict[str, Any] = field(default_factory=dict)

    @property
    def bench(self) -> Any:
        return self.stages.bench

    def run_data(self, what: str, folder: Path, *options: str) -> None:
        """Run the server's data.py. Raises CalledProcessError."""
        federated_rounds.run_data(self.stages.order(), what, folder, *options)

    def deal(self, clients: int, alpha: float, seed: int) -> None:
        """Give each client its shard."""
        options = ("--clients", str(clients), "--alpha", str(alpha), "--seed", str(seed))
        self.run_data("deal", self.clients, *options)
        self.dealt = json.loads((self.clients / "dealt.json").read_text())

    @property
    def clients(self) -> Path:
        return self.folder / "clients"

    def ask(self, method: str, path: str, told: Any = None) -> Any:
        """Raises RuntimeError, in the server's words."""
        answer = self.http.request(method, path, json=told)
        if answer.is_error:
            raise RuntimeError(f"{method} {path}: {answer.json()['detail']}")
        return answer.json()

    def bring_up(self) -> Any:
        """The clients: each reads its data, and connects."""
        return self.ask("POST", "/clients", {"folder": str(self.clients)})

    def begin(self, rounds: int, deadline_s: float = 30.0) -> None:
        """Begin so many rounds. With the decay that makes clients' mean the benchmark's own aim."""
        examples = sum(sum(each.values()) for each in self.dealt["clients"])
        asked = {"rounds": rounds, "deadline_s": deadline_s, "decay": 1 / examples}
        self.ask("POST", "/rounds", asked)

    def rounds(self) -> list[dict[str, Any]]:
        """Those that are over, once none is under way. Raises RuntimeError."""
        while (state := self.ask("GET", "/rounds"))["under_way"]:
            time.sleep(_POLL_S)
        if state["failed"]:
            raise RuntimeError(state["failed"])
        found: list[dict[str, Any]] = state["rounds"]
        return found

    def silence(self, client: int) -> None:
        """Stop a client's SuperNode and what it started, so that it never answers."""
        folder = str(self.clients / str(client))
        for process in psutil.process_iter(["cwd"]):
            if process.info["cwd"] == folder:
                os.kill(process.pid, signal.SIGSTOP)

    def judged(self) -> dict[str, Any]:
        """By version: what its head answers to each payload, and its accuracy."""
        heads = self.folder / "heads"
        heads.mkdir()
        for version in range(1, self.ask("GET", "/heads/last")["version"] + 1):
            head = self.ask("GET", f"/heads/{version}")
            (heads / f"{version}.json").write_text(json.dumps(head))
        self.run_data("judge", heads)
        found: dict[str, Any] = json.loads((self.folder / "judged.json").read_text())
        return found


@contextmanager
def federation(tools: Tools, benchmark: str, scratch: Path) -> Iterator[Federation]:
    """The variant on that benchmark, started, and verified with its first head."""
    known = catalog.variants()
    prepared = reference.prepare(catalog.benchmarks()[benchmark], known, tools, EVERYTHING)
    stages = reference.stages_of(known[VARIANT], prepared.bench, tools, 1, scratch, Keeping)
    assert isinstance(stages, Keeping)
    launched = stages.launch()
    try:
        stages.ready(launched)
        Stages.verify(stages, launched)
        control = f"http://127.0.0.1:{launched.ports['control']}"
        with httpx.Client(base_url=control, timeout=300.0, trust_env=False) as http:
            yield Federation(stages=stages, launched=launched, folder=scratch, http=http)
    finally:
        stages.stop(launched)
