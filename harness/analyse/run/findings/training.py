"""Doubts about federated training."""

from __future__ import annotations

from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule


@run_rule
def training_incomplete(context: RunContext) -> Said:
    life = context.facts.lifecycle
    if life is None or life.training is None:
        return
    training = life.training
    if training.failure:
        done = {0: "no round", 1: "1 round"}.get(count := len(training.rounds), f"{count} rounds")
        yield Verdict.WARNING, f"federated training ended after {done}: {training.failure}"
    yield from ((Verdict.WARNING, each.said) for each in training.rounds if each.said)
