"""Locust's master in a process of its own: `python -m harness.measure.load.swarm.master HOST PORT`.

It reads orders from its standard input and writes answers to its standard output, pickled by and
for the harness that started it:

    (listening, port) at first, or (failed, sentence)
    (gather, count, seconds) -> (gathered, names) or (failed, sentence)
    (fire, job, count, seconds) -> (began, start_ns), then (over, Fired); or (failed, sentence)
    (cut,)    nothing more is sent, and the window is soon over
    (stop,) -> (stopped,)    the window is cut short
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections import defaultdict
from dataclasses import replace
from typing import IO, Any

import gevent
from gevent.event import AsyncResult
from gevent.queue import Queue
from locust.env import Environment  # before the harness: it patches the standard library
from locust.exception import RPCError
from locust.runners import STATE_MISSING, MasterRunner

from harness.base.errors import HarnessError
from harness.measure.launch.launchers import keeper
from harness.measure.load import pipe
from harness.measure.load.generator.job import Job
from harness.measure.load.generator.pool import merge
from harness.measure.load.swarm import messages, wire
from harness.measure.load.swarm.errand import Errand, Heard
from harness.measure.load.swarm.question import base_url
from harness.measure.load.swarm.users import ThinkingUser

_LEAD_NS = 250_000_000  # from the order to go to the window's start, for it to be everywhere


class Master:
    """Keeps a list of workers, and has one window at a time fired by them."""

    def __init__(self, host: str, port: int, answers: IO[bytes]) -> None:
        self._answers = answers
        self._environment = Environment(user_classes=[ThinkingUser])
        self._runner: MasterRunner = self._environment.create_master_runner(host, port)
        self._names: dict[str, str] = {}
        self._strangers: set[str] = set()
        self._mail: defaultdict[str, Queue[Heard]] = defaultdict(Queue)
        self._window = 0
        self._firing: list[gevent.Greenlet] = []
        for kind in messages.FROM_WORKER:
            self._runner.register_message(kind, self._heard)

    @property
    def port(self) -> int:
        return int(self._runner.server.port)

    def serve(self, orders: IO[bytes]) -> None:
        """Do what is ordered until the orders end; then tell the workers to go home."""
        threads = gevent.get_hub().threadpool
        while True:
            order = threads.apply(_read, (orders,))
            if order is None:
                break
            kind, *rest = order
            if kind == "stop":
                self._stop()
                self.answer("stopped")
            elif kind == "cut":
                self._send_all(messages.CUT)
            else:
                work = self._gathered if kind == "gather" else self._fire
                self._firing.append(gevent.spawn(self._answered, work, rest))
        self._stop()
        self._runner.quit()

    def answer(self, *what: Any) -> None:
        """Tell the harness, where it is still there: its orders end, too, when it goes."""
        pipe.tell(self._answers, what)

    def _answered(self, work: Any, rest: list[Any]) -> None:
        try:
            gevent.get_hub().threadpool.apply(self.answer, work(*rest))
        except HarnessError as error:
            self.answer("failed", str(error))

    def _heard(self, msg: Any, **_: object) -> None:
        if msg.type == messages.HELLO:
            known = msg.data["version"] == messages.version()
            if known:
                self._names[msg.node_id] = str(msg.data["name"])
            else:
                self._strangers.add(f"{msg.data['name']} ({msg.data['version']})")
            return
        self._mail[msg.node_id].put(Heard(msg.type, msg.data, time.monotonic_ns()))

    def _gone(self, worker: str) -> str | None:
        """Why a worker is not there, or None while it is."""
        client = self._runner.clients.get(worker)
        if client is None:
            return "it left"
        return "its heartbeats stopped" if client.state == STATE_MISSING else None

    def _there(self, count: int, seconds: float) -> list[str]:
        """Workers that are there, as soon as they are so many or the time is over."""
        end = time.monotonic() + seconds
        while True:
            found = [worker for worker in self._names if self._gone(worker) is None]
            if len(found) >= count or time.monotonic() > end:
                return found
            gevent.sleep(0.02)

    def _gathered(self, count: int, seconds: float) -> tuple[Any, ...]:
        found = self._there(count, seconds)
        if len(found) < count:
            said = f"{len(found)} of {count} Locust workers connected within {seconds:g} s"
            if self._strangers:
                others = ", ".join(sorted(self._strangers))
                said += f"; of another version of the harness than {messages.version()}: {others}"
            raise HarnessError(
                f"Only {said}. Start the others by: python -m harness worker HOST:{self.port}"
            )
        return "gathered", [self._names[worker] for worker in found]

    def _fire(self, job: Job, count: int, seconds: float) -> tuple[Any, ...]:
        workers = self._there(count, seconds)
        if not workers:
            raise HarnessError("No Locust worker is left: all were lost or left.")
        self._window += 1
        dealt = zip(
            workers, wire.shares(job, len(workers)), strict=False
        )  # fewer for fewer callers
        errands = [self._errand(worker, share) for worker, share in dealt]
        start: AsyncResult[int] = AsyncResult()
        running = [gevent.spawn(errand.run, start) for errand in errands]
        self._firing += running
        gevent.wait([errand.ready for errand in errands])
        if job.think_ns is not None:
            self._environment.host = base_url(job.target)
            self._runner.start(job.concurrency, job.concurrency)
        unsure_ns = max(errand.offset.uncertainty_ns for errand in errands)
        start_ns = time.monotonic_ns() + _LEAD_NS + 2 * unsure_ns
        self.answer("began", start_ns)
        start.set(start_ns)
        gevent.joinall(running)
        if job.think_ns is not None:
            self._runner.stop()
        found = [greenlet.get() for greenlet in running]
        facts = tuple(facts for _, facts in found)
        return "over", replace(merge([fired for fired, _ in found]), workers=facts)

    def _errand(self, worker: str, share: Job) -> Errand:
        return Errand(
            self._names[worker],
            self._window,
            share,
            self._mail[worker],
            lambda kind, data: self._runner.send_message(kind, data, worker),
            lambda: self._gone(worker),
        )

    def _stop(self) -> None:
        """Cut a window short, where one is under way."""
        if not all(greenlet.dead for greenlet in self._firing):
            gevent.killall(self._firing)
            self._runner.stop()
            self._send_all(messages.STOP)
        self._firing = []

    def _send_all(self, kind: str) -> None:
        for worker in self._names:
            if self._gone(worker) is None:
                self._runner.send_message(kind, {"window": self._window}, worker)


def _read(orders: IO[bytes]) -> Any:
    """The next order; None where they end. An error would be printed by the thread it is in."""
    try:
        return pipe.receive(orders)
    except EOFError:
        return None


def main() -> None:
    """Listen, and serve the harness until it goes."""
    keeper.die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("locust").setLevel(logging.CRITICAL)  # its words are for its own users
    answers = pipe.to_parent()
    host, port = sys.argv[1], int(sys.argv[2])
    try:
        master = Master(host, port, answers)
    except (SystemExit, RPCError, OSError) as error:
        why = f"{error}" if isinstance(error, RPCError) else "the port is taken"
        said = f"Locust's master can't listen at {host}:{port}: {why}."
        pipe.tell(answers, ("failed", said))
        return
    master.answer("listening", master.port)
    master.serve(sys.stdin.buffer)


if __name__ == "__main__":
    main()
