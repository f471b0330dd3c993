"""Federated training: how good its last head is, and what a round takes."""

from __future__ import annotations

from statistics import median

from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import metric
from harness.stored.lifecycle import Training, TrainingRound


@metric(title="accuracy by rounds", unit="%", better="higher", digits=1, effect=None)
def rounds_accuracy(context: RunContext) -> float | None:
    """Accuracy on the held-out payloads of the head that the last round of federated training
    gave."""
    rounds = _rounds(context)
    return None if not rounds or rounds[-1].accuracy is None else 100 * rounds[-1].accuracy


@metric(title="accuracy in one place", unit="%", better="higher", digits=1, effect=None)
def central_accuracy(context: RunContext) -> float | None:
    """The same of the benchmark's own head, trained on all data in one place."""
    found = _training(context)
    known = None if found is None else found.central_accuracy
    return None if known is None else 100 * known


@metric(title="round", unit="s", better="lower", digits=1, effect=None)
def round_time(context: RunContext) -> float | None:
    """Median time of a round of federated training, without load."""
    return _median([each.seconds for each in _rounds(context)])


@metric(title="bytes", unit="kB per round", better="lower", digits=0, effect=None)
def round_bytes(context: RunContext) -> float | None:
    """Median over the rounds of the bytes that all clients sent and received, at their sockets."""
    bytes_ = [each.sent_bytes + each.received_bytes for each in _rounds(context)]
    found = _median(bytes_)
    return None if found is None else found / 1000


@metric(title="clients' CPU", unit="s per round", better="lower", digits=1, effect=None)
def round_cpu(context: RunContext) -> float | None:
    """Median over the rounds of the CPU time of all clients."""
    return _median([each.client_cpu_s for each in _rounds(context)])


def _training(context: RunContext) -> Training | None:
    life = context.facts.lifecycle
    return None if life is None else life.training


def _rounds(context: RunContext) -> tuple[TrainingRound, ...]:
    """Those that gave a head."""
    found = _training(context)
    return () if found is None else tuple(each for each in found.rounds if each.answered)


def _median(values: list[float] | list[int]) -> float | None:
    return float(median(values)) if values else None
