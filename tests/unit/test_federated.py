"""Federated training of a linear head: what a client does, what passes the relay, what is said."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.base import paths

FOLDER = paths.PROJECT / "servers" / "federated"
HEAD = (np.zeros((2, 2)), np.zeros(2))


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports one of the server's modules."""
    for folder in (FOLDER, FOLDER / "app"):
        monkeypatch.syspath_prepend(str(folder))
    return import_module


def shards() -> list[tuple[Any, Any]]:
    """Two clients, each with one label for the most part."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(60, 2))
    labels = (features[:, 0] > 0).astype(int)
    order = np.argsort(labels, kind="stable")
    return [(features[rows], labels[rows]) for rows in (order[:25], order[25:])]


def loss(features: Any, labels: Any, head: Any, decay: float) -> float:
    logits = features @ head[0] + head[1]
    shares = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
    return float(shares.mean() + decay / 2 * (head[0] ** 2).sum())


def test_no_step_makes_a_client_s_loss_grow(module: Any) -> None:
    trained = module("training").trained
    features, labels = shards()[1]
    losses, head = [], HEAD
    for _ in range(30):
        losses.append(loss(features, labels, head, 0.01))
        head = trained(features, labels, head, steps=1, decay=0.01)
    assert losses == sorted(losses, reverse=True)
    assert (HEAD[0] == 0).all(), "what came from the server is left as it was"


def test_rounds_arrive_near_what_training_in_one_place_finds(module: Any) -> None:
    trained = module("training").trained
    parts = shards()
    features, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    best = trained(features, labels, HEAD, steps=3000, decay=0.01)
    head: Any = HEAD
    for _ in range(60):
        made = [trained(*part, head, steps=2, decay=0.01) for part in parts]
        sizes = [len(own) / len(labels) for _, own in parts]
        head = tuple(
            sum(size * each[place] for size, each in zip(sizes, made, strict=True))
            for place in range(2)
        )
    assert loss(features, labels, head, 0.01) < loss(features, labels, best, 0.01) * 1.1


@pytest.mark.parametrize(
    ("instances", "labels", "why"),
    [
        ([1], ["a", "b"], "as many labels as instances"),
        ([], [], "and some"),
        ([1], ["c"], "the model has no label 'c'"),
    ],
)
def test_a_shard_that_is_none_is_refused(
    module: Any, instances: list[int], labels: list[str], why: str
) -> None:
    split = SimpleNamespace(labels=("a", "b"), features=lambda lot: np.zeros((len(lot), 2)))
    with pytest.raises(ValueError, match=why):
        module("node").features_of(split, instances, labels)


@pytest.fixture
def heads(module: Any, tmp_path: Path) -> Any:
    """Of a model that answers its head's bias."""

    class Head(SimpleNamespace):
        def __init__(self, weights: Any, bias: Any) -> None:
            super().__init__(weights=weights, bias=bias)

    def with_head(head: Any) -> Any:
        return SimpleNamespace(predict=lambda instances: [head.bias.tolist()] * len(instances))

    split = SimpleNamespace(head=Head(*HEAD), with_head=with_head)
    return module("heads").Heads(split, tmp_path / "heads")


def test_a_new_head_predicts_at_once_and_old_ones_are_kept(heads: Any) -> None:
    before = heads.served
    assert heads.take([[1, 2], [3, 4]], [5, 6]) == 2
    assert (before.version, before.predictor.predict([0])) == (1, [[0, 0]])
    assert (heads.served.version, heads.served.predictor.predict([0])) == (2, [[5, 6]])
    assert heads.stored("last") == heads.stored("2")
    assert heads.stored("1")["bias"] == [0, 0]


@pytest.mark.parametrize(
    ("weights", "bias", "why"),
    [
        ([[1, 2]], [5, 6], r"the weights have the shape \(1, 2\), not \(2, 2\)"),
        ([[1, 2], [3, 4]], [5], "the bias have the shape"),
        ([[1, 2], [3, float("nan")]], [5, 6], "not all finite"),
    ],
)
def test_a_head_that_does_not_fit_is_refused(heads: Any, weights: Any, bias: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        heads.take(weights, bias)
    assert heads.served.version == 1


@pytest.mark.parametrize("version", ["0", "2", "-1", "../1", "x"])
def test_a_head_that_was_never_served_is_not_found(heads: Any, module: Any, version: str) -> None:
    with pytest.raises(module("heads").Unknown, match="the last one is 1"):
        heads.stored(version)


@pytest.mark.parametrize(
    ("answered", "refusals", "said"),
    [
        (4, [], None),
        (3, [], "1 of 4 clients did not answer within 5 s: version 2 was made of the other 3."),
        (3, ["no"], "1 of 4 clients did not answer within 5 s (no): version 2 was made of the"),
        (0, [], "None of 4 clients answered within 5 s: version 2 stays."),
    ],
)
def test_a_round_without_all_clients_says_so(
    module: Any, answered: int, refusals: list[str], said: str | None
) -> None:
    facts = {"answered": answered, "deadline_s": 5.0, "refusals": refusals}
    found = module("federating")._said(2, 4, facts)
    assert found == said or (said is not None and found.startswith(said))


def test_rounds_need_clients(module: Any, tmp_path: Path) -> None:
    federating = module("federating")
    with pytest.raises(federating.NotNow, match="POST /clients brings them up"):
        federating.Federating(tmp_path).run(rounds=1)


def test_the_relay_counts_every_byte_and_keeps_what_a_client_sends(
    module: Any, tmp_path: Path
) -> None:
    ports = module("federation").free_ports(2)
    with socket.create_server(("127.0.0.1", 0)) as link:
        threading.Thread(target=_answer_once, args=(link,), daemon=True).start()
        ways = [(ports[0], tmp_path / "sent")]
        module("relay").Relay(link.getsockname()[1], ways, ports[1], lambda: {"more": 1})
        with socket.create_connection(("127.0.0.1", ports[0]), 10) as sock:
            sock.sendall(b"x" * 100_000)
            sock.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: sock.recv(4096), b"")) == b"answer"
    assert (tmp_path / "sent").read_bytes() == b"x" * 100_000
    with socket.create_connection(("127.0.0.1", ports[1]), 10) as sock:
        told = json.loads(b"".join(iter(lambda: sock.recv(4096), b"")))
    assert told == {"sent_bytes": 100_000, "received_bytes": 6, "more": 1}


def _answer_once(link: socket.socket) -> None:
    sock, _ = link.accept()
    with sock:
        while sock.recv(4096):
            pass
        sock.sendall(b"answer")


def test_cpu_time_counts_what_a_process_has_started_and_outlived(module: Any) -> None:
    cpu_seconds = module("cpu_time").cpu_seconds
    begun, before = time.process_time(), cpu_seconds(os.getpid())
    while time.process_time() < begun + 0.1:
        pass
    assert cpu_seconds(os.getpid()) >= before + 0.05
    assert cpu_seconds(2**22 + 1) == 0, "one that is no more"
