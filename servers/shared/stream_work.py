"""On the PYTHONPATH of every server process: a worker on a stream of Redis, in a consumer group.

An entry stays pending for its worker until the job has ended. A worker that comes back after its
death asks for what is pending for its name; what is pending for one that stays away goes to another
when the lease has run out.
"""

from __future__ import annotations

import os
import signal
import time

from job_records import STREAM, Records
from job_work import LEASE_S, LOST, Outcome, Predict, perform, too_often
from redis.exceptions import RedisError, ResponseError

GROUP = "workers"
BLOCK_MS = 1000
CLAIM_S = 1.0  # between two looks at what dead workers have left
AGAIN_S = 0.05

Entry = tuple[bytes, dict[bytes, bytes]]


class StreamWorker:
    """Takes up to `most` jobs at a time: what is there, without waiting for more."""

    def __init__(self, url: str, predict: Predict, *, most: int = 1) -> None:
        self._records = Records(url)
        self._predict, self._most = predict, most
        self._name = f"worker-{os.environ['QUEUE_WORKER']}"
        self._stopped = False
        self._claims_at = 0.0
        signal.signal(signal.SIGTERM, self._stop)

    def payload(self, name: str, fields: dict[bytes, bytes]) -> bytes:  # noqa: ARG002
        """The job, from its entry."""
        return fields[b"payload"]

    def ended(self, name: str) -> None:
        """The job has."""

    def run(self) -> None:
        """Until it is told to stop, or killed."""
        own = True  # what it had begun when it was killed comes first
        while not self._stopped:
            try:
                entries = self._pending() if own else self._next()
                own = own and bool(entries)
                self._do(entries)
            except RedisError as error:
                self._mend(error)

    def _pending(self) -> list[Entry]:
        return self._read("0")

    def _next(self) -> list[Entry]:
        if time.monotonic() >= self._claims_at:
            self._claims_at = time.monotonic() + CLAIM_S
            _, entries, _ = self._records.client.xautoclaim(
                STREAM, GROUP, self._name, int(1000 * LEASE_S), "0-0", count=self._most
            )
            if entries:
                return entries
        return self._read(">")

    def _read(self, start: str) -> list[Entry]:
        found = self._records.client.xreadgroup(
            GROUP, self._name, {STREAM: start}, count=self._most, block=BLOCK_MS
        )
        if isinstance(found, dict):
            found = list(found.items())
        entries = found[0][1] if found else []
        return entries[0] if entries and isinstance(entries[0], list) else entries

    def _do(self, entries: list[Entry]) -> None:
        begun: list[tuple[bytes, str, bytes]] = []
        for entry, fields in entries:
            if not fields:  # it was removed from the stream while it was pending
                self._records.client.xack(STREAM, GROUP, entry)
                continue
            name = fields[b"id"].decode()
            outcome = begin(self._records, name)
            if outcome is None:
                try:
                    begun.append((entry, name, self.payload(name, fields)))
                except OSError as error:
                    outcome = Outcome(False, f"Its payload can't be read: {error}.")
            if outcome is not None:
                self._finish(name, outcome, entry)
        outcomes = perform(self._predict, [payload for _, _, payload in begun]) if begun else []
        for (entry, name, _), outcome in zip(begun, outcomes, strict=True):
            self._finish(name, outcome, entry)

    def _finish(self, name: str, outcome: Outcome, entry: bytes) -> None:
        self._records.finish(name, outcome, GROUP, entry)
        self.ended(name)

    def _mend(self, error: RedisError) -> None:
        """The stream is not there yet, or was removed; or the broker is away."""
        if isinstance(error, ResponseError) and "NOGROUP" in str(error):
            try:
                self._records.client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
            except RedisError as failed:
                print(f"no group of workers: {failed}", flush=True)
                time.sleep(AGAIN_S)
            return
        print(f"the broker: {error}", flush=True)
        time.sleep(AGAIN_S)

    def _stop(self, *_: object) -> None:
        self._stopped = True


def begin(records: Records, name: str) -> Outcome | None:
    """Begin a job: None; or how it ends where it is not to be done. One that has ended keeps
    its end."""
    runs = records.begin(name)
    return LOST if runs < 0 else too_often(runs)
