"""Federated training after the windows: clients get their shards, rounds are asked for at the port
that the variant names, and the head that each one gives is judged on held-out payloads."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.base import paths
from harness.base.secrecy import beginning
from harness.measure.cell.life import Life
from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launched, LaunchOrder
from harness.measure.talk.ask import Unanswered, over_http
from harness.measure.talk.target import target
from harness.protocols import Message, json_message
from harness.stored.lifecycle import Training, TrainingRound

DATA = "data.py"  # of the server: `deal` gives clients their shards, `judge` judges heads
CLIENTS, ROUNDS = 4, 3
_ALPHA, _SEED = 0.3, 20  # of the Dirichlet distribution by which labels are dealt
_DEADLINE_S = 60.0  # of a round
_ASKED_S, _JUDGED_S = 240.0, 300.0
_POLL_S = 0.2
_LOOPBACK = "127.0.0.1"
_SAID = 400  # characters of a program's last words
_WRONG = (Unanswered, OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError)

Ask = Callable[..., Any]


def undergo(stages: Stages, launched: Launched, life: Life) -> None:
    """Train by rounds where the server can, and keep what came of it, also where it fails."""
    port = launched.ports.get(stages.variant.table.rounds_port or "")
    if port is None:
        return
    life.training = Training(clients=CLIENTS, examples=0)
    ask = _asker(launched, port)
    try:
        _train(stages, ask, life)
    except _WRONG as error:
        life.training = replace(life.training, failure=_words(error))
    try:
        ask("DELETE", "/clients")  # they share the CPUs of what comes next
    except _WRONG as error:
        failure = life.training.failure or f"its clients could not be ended: {_words(error)}"
        life.training = replace(life.training, failure=failure)


def _train(stages: Stages, ask: Ask, life: Life) -> None:
    clients = stages.scratch / "clients"
    options = (("clients", CLIENTS), ("alpha", _ALPHA), ("seed", _SEED))
    run_data(stages.order(), "deal", clients, *(f"--{name}={value}" for name, value in options))
    dealt = json.loads((clients / "dealt.json").read_text())["clients"]
    examples = sum(sum(each.values()) for each in dealt)
    life.training = Training(clients=len(dealt), examples=examples)
    up_s = float(ask("POST", "/clients", {"folder": str(clients)})["seconds"])
    # With the decay that makes the clients' mean the aim of training in one place.
    rounds = {"rounds": ROUNDS, "deadline_s": _DEADLINE_S, "decay": 1 / examples}
    ask("POST", "/rounds", rounds)
    found, failure = _over(ask)
    life.training = replace(life.training, up_s=up_s, rounds=found, failure=failure)
    judged = _judged(stages, ask)
    life.training = replace(
        life.training,
        central_accuracy=judged[1],
        rounds=tuple(replace(each, accuracy=judged.get(each.version)) for each in found),
    )


def _over(ask: Ask) -> tuple[tuple[TrainingRound, ...], str]:
    """The rounds, once none is under way, and why some are missing."""
    until = time.monotonic() + 2 * ROUNDS * _DEADLINE_S
    while (state := ask("GET", "/rounds"))["under_way"] and time.monotonic() < until:
        time.sleep(_POLL_S)
    late = "its rounds did not come to an end" if state["under_way"] else ""
    return tuple(map(_round, state["rounds"])), state["failed"] or late


def _round(told: Mapping[str, Any]) -> TrainingRound:
    return TrainingRound(
        version=int(told["version"]),
        answered=int(told["answered"]),
        seconds=float(told["seconds"]),
        sent_bytes=int(told["sent_bytes"]),
        received_bytes=int(told["received_bytes"]),
        client_cpu_s=float(told["client_cpu_s"]),
        server_cpu_s=float(told["server_cpu_s"]),
        accuracy=None,
        said=told["said"] or "",
    )


def _judged(stages: Stages, ask: Ask) -> dict[int, float]:
    """The accuracy of the head of each version that was served."""
    heads = stages.scratch / "heads"
    heads.mkdir()
    for version in range(1, int(ask("GET", "/heads/last")["version"]) + 1):
        head = ask("GET", f"/heads/{version}")
        (heads / f"{version}.json").write_text(json.dumps(head))
    run_data(stages.order(), "judge", heads)
    judged = json.loads((stages.scratch / "judged.json").read_text())
    return {int(version): float(each["accuracy"]) for version, each in judged.items()}


def run_data(order: LaunchOrder, what: str, folder: Path, *options: str) -> None:
    """Run the server's own script for data, by its interpreter. Raises CalledProcessError."""
    payloads = order.benchmark.folder / "payloads.jsonl"
    script = order.variant.server.folder / DATA
    command = [order.provided.bin / "python", script, what, payloads, order.artefact, folder]
    environment = {
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(paths.PROJECT / "servers" / "shared"),
        "HARNESS_PREDICTOR": str(order.benchmark.predictor(order.variant.table.backend)),
        "HARNESS_ARTEFACT": str(order.artefact),
        "HARNESS_DEVICE": "cpu",
        "HARNESS_THREADS": "1",
    }
    subprocess.run(
        [*map(str, command), *options],
        check=True,
        env=environment,
        timeout=_JUDGED_S,
        capture_output=True,
    )


def _asker(launched: Launched, port: int) -> Ask:
    """Asks there, and gives what is answered. Raises Unanswered, also for an error."""

    def ask(method: str, path: str, told: Any = None) -> Any:
        message = Message(b"") if told is None else json_message(told)
        url = f"http://{_LOOPBACK}:{port}{path}"  # whatever it listens on for predictions
        goal = target(url, [message], launched.headers, method, launched.trust)
        reply = over_http(goal, _ASKED_S)
        if not reply.is_success:
            raise Unanswered(f"{method} {path}: {reply.words}")
        return json.loads(reply.body)

    return ask


def _words(error: BaseException) -> str:
    """An error in one line; of a program that failed, the end of its output."""
    if isinstance(error, subprocess.CalledProcessError):
        said = " ".join((error.stderr or b"").decode(errors="replace").split())[-_SAID:]
        return f"{DATA} ended with exit code {error.returncode}; it printed: {said or 'nothing'}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"{DATA} had not ended after {error.timeout:g} s"
    return beginning(str(error) or type(error).__name__, _SAID)
