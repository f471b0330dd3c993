"""Sentences about what a change of a Deployment did to requests."""

from __future__ import annotations

from harness.analyse.run.changed import Changed
from harness.setup.changes import AUTOSCALING, NOT_LIVE, POD_KILLED, ChangeName

# By the change, or else for all in which pods are told to end: by the error of requests.
_ENDED = {
    "connect": "it stops listening at SIGTERM, while its address still stands in the Service",
    "disconnected": "it does not finish at SIGTERM what is on its connections: no drain",
    "timeout": "its pod was gone, and nothing told callers so",
    "status": "it takes requests while it begins or ends, and answers them with an error status",
}
_KILLED = {
    "connect": "the address of the pod that was gone still stood in the Service",
    "disconnected": "they were in the pod that was killed, which was given no time",
    "timeout": "they were in the pod that was killed, and nothing told callers so",
}
_FROZEN = {
    "connect": "its address stood in the Service while it was started again",
    "disconnected": "they were in the pod that was frozen, when it was killed",
    "timeout": "the frozen pod got requests until its probe had failed often enough",
}
_SCALED = {
    "timeout": "they waited still from the time of the highest rate, or their pod was gone",
}
_ANY = {
    "wrong_answer": "it answered wrongly",
    "garbage": "it answered what is no answer",
    "failed": "it said that it could not answer",
}
_OWN: dict[ChangeName, dict[str, str]] = {
    POD_KILLED: _KILLED,
    NOT_LIVE: _FROZEN,
    AUTOSCALING: _SCALED,
}
_MOST = 2  # reasons


def why_lost(found: Changed) -> str:
    """Why requests were lost, the most frequent reason first; empty where nothing says so."""
    known = {**_ANY, **_ENDED, **_OWN.get(found.name, {})}
    often = sorted(found.errors, key=lambda error: -found.errors[error])
    return "; ".join([known[error] for error in often if error in known][:_MOST])


def lost(found: Changed) -> str:
    """How many requests were lost, of how many, and why."""
    if not found.lost:
        return f"no request of {found.requests:,} was lost"
    why = why_lost(found)
    were = "was" if found.lost == 1 else "were"
    told = f"{found.lost:,} of {found.requests:,} requests {were} lost ({found.told})"
    return f"{told}: {why}" if why else told
