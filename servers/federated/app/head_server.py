"""The server's side of the rounds: federated averaging, and the web process is told each head."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Iterable
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

server = ServerApp()
WEB = f"http://127.0.0.1:{os.environ.get('HARNESS_CONTROL_PORT', '')}"


class Averaging(FedAvg):
    """Federated averaging over all clients there are; what came of the last round is kept."""

    def __init__(self) -> None:
        super().__init__(
            fraction_train=1.0, fraction_evaluate=0.0, min_train_nodes=1, min_available_nodes=1
        )
        self.began = 0.0
        self.asked = self.answered = self.examples = 0
        self.refusals: list[str] = []

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        self.began = time.monotonic()
        self.asked = 0
        if not list(grid.get_node_ids()):  # Flower would wait for one without end
            return []
        asked = list(super().configure_train(server_round, arrays, config, grid))
        self.asked = len(asked)
        return asked

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        replies = list(replies)
        good = [reply for reply in replies if not reply.has_error()]
        self.answered = len(good)
        self.examples = sum(int(reply.content["metrics"]["num-examples"]) for reply in good)
        self.refusals = [reply.error.reason for reply in replies if reply.has_error()]
        return super().aggregate_train(server_round, replies)


@server.main()
def main(grid: Grid, context: Context) -> None:
    """As many rounds as were asked for."""
    config = context.run_config
    deadline_s = float(config["deadline-s"])
    averaging = Averaging()

    def tell(number: int, arrays: ArrayRecord) -> None:
        if number == 0:  # what the rounds begin with
            return
        weights, bias = arrays.to_numpy_ndarrays()
        told = {
            "asked": averaging.asked,
            "answered": averaging.answered,
            "examples": averaging.examples,
            "seconds": time.monotonic() - averaging.began,
            "deadline_s": deadline_s,
            "refusals": averaging.refusals,
            "weights": weights.tolist(),
            "bias": bias.tolist(),
        }
        ask("/heads", told)

    averaging.start(
        grid=grid,
        initial_arrays=ArrayRecord(first()),
        num_rounds=int(config["rounds"]),
        timeout=deadline_s,
        train_config=ConfigRecord({"steps": config["steps"], "decay": config["decay"]}),
        evaluate_fn=tell,
    )


def first() -> list[Any]:
    """The head that the rounds begin with: the last of the rounds before, or zeros, so that what
    version 1 knows, which was trained elsewhere, has no part in it."""
    last = ask("/heads/last")
    head = [np.array(last[name], np.float64) for name in ("weights", "bias")]
    return head if last["version"] > 1 else [np.zeros_like(part) for part in head]


def ask(path: str, told: dict[str, Any] | None = None) -> Any:
    """GET, or POST where there is something to tell."""
    body = None if told is None else json.dumps(told).encode()
    request = urllib.request.Request(WEB + path, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
