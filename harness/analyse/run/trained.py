"""Versions of a model that a Job trained, as callers met them: a request's mark says which version
answered it, where one alone can have."""

from __future__ import annotations

from dataclasses import dataclass

from harness.stored.pods import ClusterChange, TrainedVersion
from harness.stored.records import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVersion:
    """A version, in seconds since its Job was made; None where it did not come to that."""

    told: TrainedVersion
    ended_s: float | None  # until its Job was over
    first_s: float | None  # until the first answer of that version
    served_s: float | None  # until all pods served it, as far as the cluster was seen
    last_old_s: float | None  # until the last answer of an earlier one, once it had answered
    old_after_new: int  # requests sent after that first answer, and answered by an earlier one

    @property
    def old_after_job_s(self) -> float | None:
        """From the end of its Job until the last answer of an earlier version; 0 where there was
        none after it."""
        if self.last_old_s is None or self.ended_s is None:
            return None
        return max(self.last_old_s - self.ended_s, 0.0)


def of_window(window: Window, change: ClusterChange) -> tuple[ServedVersion, ...]:
    """The versions that were trained in a window, in their order."""
    requests = window.requests
    versions = window.marks.each("version", len(requests))
    found = []
    for told in change.trained:
        new = requests.ok & (versions == told.version)
        old = requests.ok & (versions >= 0) & (versions < told.version)
        first = int(requests.done_ns[new].min()) if new.any() else None
        last = int(requests.done_ns[old].max()) if first is not None and old.any() else None
        found.append(
            ServedVersion(
                told=told,
                ended_s=_since(told, told.ended_ns),
                first_s=_since(told, first),
                served_s=_since(told, told.served_ns),
                last_old_s=_since(told, last),
                old_after_new=0 if first is None else int((old & (requests.sent_ns > first)).sum()),
            )
        )
    return tuple(found)


def _since(told: TrainedVersion, moment_ns: int | None) -> float | None:
    return None if moment_ns is None else (moment_ns - told.asked_ns) / 1e9
