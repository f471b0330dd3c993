"""One worker's share of one window, from the master's side: clock, job, start, record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gevent
import numpy as np
from gevent.event import AsyncResult, Event
from gevent.queue import Empty, Queue

from harness.base.errors import HarnessError
from harness.measure.load.generator.job import Fired, Job, lost
from harness.measure.load.swarm import clocks, messages, wire
from harness.measure.load.swarm.clocks import Offset, Ping
from harness.stored.hosts import WorkerFacts
from harness.windows.samples import Ints

_PINGS = 20
_PING_S = 0.002  # between two of them
_LOOK_S = 0.2  # how often a silent worker is looked for
_SLACK_S = 60.0  # beyond the window and its time-out, for a record to come
_UNKNOWN = Offset(0, 0)


class WorkerLost(HarnessError):
    """Nothing more will come from a worker in this window."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message, and when it came."""

    kind: str
    data: dict[str, Any]
    at_ns: int


def _is_of(fired: Fired, due: Ints) -> bool:
    """Whether a record is of the requests that were to be sent; cut short, of some of them."""
    if fired.cut_s is None:
        return np.array_equal(fired.columns["due_ns"], due)
    return bool(np.isin(fired.columns["due_ns"], due).all())


class Errand:
    """The work of one worker in a window; `run` is a greenlet of its own."""

    def __init__(
        self,
        name: str,
        window: int,
        share: Job,
        mail: Queue[Heard],
        tell: Callable[[str, dict[str, Any]], None],
        gone: Callable[[], str | None],
    ) -> None:
        self.name = name
        self.share = share
        self.ready = Event()  # it has its job, or is lost
        self.offset = _UNKNOWN
        self._window = window
        self._mail = mail
        self._tell = tell
        self._gone = gone

    def run(self, start: AsyncResult[int]) -> tuple[Fired, WorkerFacts]:
        """The worker's record and the facts about the worker; for a lost worker, its plan."""
        drift_ns = None
        try:
            self._load()
            self.ready.set()
            fired = self._fire(start.get())
            drift_ns = self._clock().ns - self.offset.ns
            why = ""
        except HarnessError as error:
            fired, why = lost(self.share), str(error)
        finally:
            self.ready.set()
        known = self.offset
        count = len(fired.columns["due_ns"])
        facts = WorkerFacts(
            name=self.name,
            requests=count,
            offset_ns=known.ns,
            uncertainty_ns=known.uncertainty_ns,
            drift_ns=drift_ns,
            lost=why,
        )
        return fired, facts

    def _load(self) -> None:
        self.offset = self._clock()
        parts = wire.pieces(wire.pack_job(self.share))
        for number, part in enumerate(parts):
            self._say(messages.JOB, piece=number, of=len(parts), bytes=part)
        self._expect(messages.LOADED, self.share.timeout_ns / 1e9 + _SLACK_S)

    def _fire(self, start_ns: int) -> Fired:
        self._say(messages.GO, start_ns=start_ns + self.offset.ns)
        limit_s = (self.share.duration_ns + self.share.patience_ns) / 1e9 + _SLACK_S
        count = int(self._expect(messages.FIRED, limit_s)["pieces"])
        fired = wire.unpack_fired(b"".join(self._collected(count)))
        due = self.share.due_ns
        if due is not None and not _is_of(fired, due):
            raise WorkerLost("its record is not of the requests that it was to send")
        return fired

    def _collected(self, count: int) -> Iterator[bytes]:
        for number in range(count):
            self._say(messages.COLLECT, piece=number)
            found = self._expect(messages.PIECE, _SLACK_S)
            if found["piece"] != number:
                raise WorkerLost("its record arrived in the wrong order")
            yield found["bytes"]

    def _clock(self) -> Offset:
        pings = []
        for _ in range(_PINGS):
            asked_ns = time.monotonic_ns()
            self._say(messages.PING, asked_ns=asked_ns)
            heard = self._hear(messages.PONG, _SLACK_S)
            said = heard.data
            pings.append(
                Ping(
                    asked_ns=said["asked_ns"],
                    taken_ns=said["taken_ns"],
                    answered_ns=said["answered_ns"],
                    told_ns=heard.at_ns,
                )
            )
            gevent.sleep(_PING_S)
        return clocks.offset(pings)

    def _say(self, kind: str, **data: Any) -> None:
        self._tell(kind, {"window": self._window, **data})

    def _expect(self, kind: str, seconds: float) -> dict[str, Any]:
        return self._hear(kind, seconds).data

    def _hear(self, kind: str, seconds: float) -> Heard:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                heard: Heard = self._mail.get(timeout=_LOOK_S)
            except Empty:
                why = self._gone()
                if why is not None:
                    raise WorkerLost(why) from None
                continue
            if heard.data.get("window") != self._window:
                continue  # of a window that was cut short
            if heard.kind == messages.FAILED:
                raise WorkerLost(str(heard.data["why"]))
            if heard.kind == kind:
                return heard
        raise WorkerLost(f"it sent heartbeats, but nothing else for {seconds:.0f} s")
