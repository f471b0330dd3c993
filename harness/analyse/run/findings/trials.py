"""Doubts about how a server takes a fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.analyse.run.findings import Finding, Verdict
from harness.stored.lifecycle import Trial

KILLED = "worker killed"
NOT_JSON = "not JSON"
LISTENS = "listens beyond loopback"
# Codes of gRPC that say whose fault it is; https://grpc.io/docs/guides/status-codes/
_CLIENTS_FAULT = (3, 5, 8, 9, 11, 12)  # invalid, not found, too large, state, range, unimplemented
_NO_MESSAGE = (2, 13)  # codes of gRPC's own libraries for bytes that are not a message


def refused(trial: Trial) -> bool:
    """Whether the answer says that the request was at fault."""
    own = trial.fault == NOT_JSON and trial.status in _NO_MESSAGE
    wrong = 400 <= trial.status < 500 or trial.status in _CLIENTS_FAULT
    return wrong or own or trial.failed


def of_trials(trials: Iterable[Trial]) -> Iterator[Finding]:
    """Findings on a server's reaction to each fault."""
    for trial in trials:
        if trial.fault == KILLED:
            verdict = Verdict.NOTE if trial.serves else Verdict.WARNING
            yield Finding(name="worker-killed", verdict=verdict, message=trial.said)
            continue
        if trial.fault == LISTENS:
            if trial.said:
                said = f"other machines can reach it at {trial.said}"
                yield Finding(name="listens-beyond-loopback", verdict=Verdict.WARNING, message=said)
            continue
        if not trial.serves:
            said = f"after {trial.fault} it no longer answers"
            yield Finding(name="bad-input", verdict=Verdict.INVALID, message=said)
        elif not refused(trial):
            said = f"{trial.fault} was not refused: {trial.said or 'no answer'}"
            yield Finding(name="bad-input", verdict=Verdict.WARNING, message=said)
