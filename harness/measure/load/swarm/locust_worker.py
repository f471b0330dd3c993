"""A worker of Locust: `python -m harness.measure.load.swarm.locust_worker HOST PORT CPU [ADDRESS]`.

It fires its shares through a native generator process of its own, pinned to the CPU, and lets
Locust's users do what those alone can. `python -m harness worker` starts one for each CPU.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import gevent
from gevent.lock import Semaphore
from locust.env import Environment  # before the harness: it patches the standard library

from harness.base.errors import HarnessError
from harness.measure.launch.launchers import keeper
from harness.measure.load import pipe
from harness.measure.load.generator.job import Fired, Job
from harness.measure.load.swarm import messages, wire
from harness.measure.load.swarm.users import Crowd, ThinkingUser

_LOOK_S = 0.02


class Hand:
    """The native generator process. Its pipes block, so threads of their own wait for them."""

    def __init__(self, cpu: int) -> None:
        self._cpu = cpu
        self._is_firing = False
        self._one = Semaphore()  # one greenlet at a time talks to it
        self._begin()

    def stand(self, job: Job) -> None:
        """Have a job's connections opened. Raises HarnessError where the process ends instead."""
        self._told(job)

    def fire(self, start_ns: int) -> Fired:
        """Have that job fired from then on. Raises HarnessError likewise."""
        fired = self._told(start_ns)
        assert isinstance(fired, Fired)
        return fired

    def _told(self, what: Job | int) -> Fired | str:
        with self._one:
            said: Fired | str | None = gevent.get_hub().threadpool.apply(self._ask, (what,))
            if said is None:
                self._renew()
                raise HarnessError("its generator process ended")
            return said

    def cut(self) -> None:
        """End the current window: nothing more is sent, and it is over soon."""
        if not self._is_firing:
            return  # its order would be torn; this one comes again
        with contextlib.suppress(OSError):  # the caller sees that it is gone
            pipe.send(self._orders, None)

    def cut_short(self) -> None:
        """Another process, whatever this one is doing."""
        self._process.kill()
        with self._one:
            if self._process.poll() is not None:  # else the caller has replaced it
                self._renew()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._orders, self._answers):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def _renew(self) -> None:
        self.end()
        self._begin()

    def _ask(self, what: Job | int | None) -> Fired | str | None:
        """Tell it something, if any, and read what it says; None too where it ended.

        Not an error: one would be printed by the thread that it is in.
        """
        try:
            self._is_firing = False
            if what is not None:
                pipe.send(self._orders, what)
                self._is_firing = isinstance(what, int)
            return cast("Fired | str | None", pipe.receive(self._answers))
        except (OSError, EOFError, ValueError):
            return None

    def _begin(self) -> None:
        (order_end, orders), (answers, answer_end) = os.pipe(), os.pipe()
        command = [sys.executable, "-m", "harness.measure.load.generator.worker", str(self._cpu)]
        self._process = subprocess.Popen(command, stdin=order_end, stdout=answer_end)
        os.close(order_end)
        os.close(answer_end)
        self._orders, self._answers = os.fdopen(orders, "wb"), os.fdopen(answers, "rb")
        gevent.get_hub().threadpool.apply(self._ask, (None,))  # that it is ready


class Worker:
    """Answers the master's messages. Each window has a number, and what is late is dropped."""

    def __init__(self, host: str, port: int, cpu: int, source: str) -> None:
        self._source = source
        self._hand = Hand(cpu)
        self._environment = Environment(user_classes=[ThinkingUser])
        self._runner = self._environment.create_worker_runner(host, port)
        self._parts: list[bytes] = []
        self._job: Job | None = None
        self._record: list[bytes] = []
        self._window = 0
        does: dict[str, Callable[[dict[str, Any]], None]] = {
            messages.PING: self._ping,
            messages.JOB: self._take,
            messages.GO: self._go,
            messages.COLLECT: self._give,
            messages.CUT: self._cut,
            messages.STOP: self._stop,
        }
        for kind, what in does.items():
            self._runner.register_message(kind, _listener(what))
        name = f"{socket.gethostname()}/{os.getpid()}"
        self._runner.send_message(messages.HELLO, {"name": name, "version": messages.version()})

    def work(self) -> None:
        """Until the master says that it is over, or is silent for a minute."""
        self._runner.greenlet.join()

    def leave(self) -> None:
        """Go before that, and tell the master."""
        self._environment.events.quitting.fire(environment=self._environment, reverse=True)
        self._runner.quit()

    def end(self) -> None:
        self._hand.end()

    def _say(self, kind: str, **data: Any) -> None:
        self._runner.send_message(kind, {"window": self._window, **data})

    def _ping(self, said: dict[str, Any]) -> None:
        taken_ns = time.monotonic_ns()
        reply = {"window": said["window"], "asked_ns": said["asked_ns"], "taken_ns": taken_ns}
        reply["answered_ns"] = time.monotonic_ns()
        self._runner.send_message(messages.PONG, reply)

    def _take(self, said: dict[str, Any]) -> None:
        if said["piece"] == 0:
            self._window, self._parts = said["window"], []
        self._parts.append(said["bytes"])
        if len(self._parts) < said["of"]:
            return
        try:
            job = replace(wire.unpack_job(b"".join(self._parts)), source=self._source)
        except HarnessError as error:
            self._say(messages.FAILED, why=str(error))
            return
        self._job = job
        if job.think_ns is not None:
            ThinkingUser.crowd = Crowd(job, self._runner.worker_index)
            self._say(messages.LOADED)
        else:
            gevent.spawn(self._stand, job, self._window)

    def _stand(self, job: Job, window: int) -> None:
        try:
            self._hand.stand(job)
        except HarnessError as error:
            if window == self._window:
                self._say(messages.FAILED, why=str(error))
            return
        if window == self._window:
            self._say(messages.LOADED)

    def _go(self, said: dict[str, Any]) -> None:
        if self._job is not None and said["window"] == self._window:
            job = replace(self._job, start_ns=said["start_ns"])
            gevent.spawn(self._fire, job, self._window)

    def _fire(self, job: Job, window: int) -> None:
        try:
            alone = job.think_ns is None
            fired = self._hand.fire(job.start_ns) if alone else self._accompany(job)
        except HarnessError as error:
            if window == self._window:
                self._say(messages.FAILED, why=str(error))
            return
        if window == self._window:
            self._record = wire.pieces(wire.pack_fired(fired))
            self._say(messages.FIRED, pieces=len(self._record))

    def _accompany(self, job: Job) -> Fired:
        """Users are Locust's: wait until none of them has a request under way any more."""
        crowd = ThinkingUser.crowd
        crowd.start.set(job.start_ns)
        while not crowd.has_ended():
            gevent.sleep(_LOOK_S)
        return crowd.fired()

    def _give(self, said: dict[str, Any]) -> None:
        number = said["piece"]
        if said["window"] == self._window and number < len(self._record):
            self._say(messages.PIECE, piece=number, bytes=self._record[number])

    def _cut(self, said: dict[str, Any]) -> None:
        if said["window"] != self._window or self._job is None:
            return
        if self._job.think_ns is None:
            self._hand.cut()
        else:
            ThinkingUser.crowd.cut()

    def _stop(self, said: dict[str, Any]) -> None:
        if said["window"] == self._window:
            self._window, self._job, self._record = -1, None, []
            gevent.spawn(self._hand.cut_short)


def _listener(what: Callable[[dict[str, Any]], None]) -> Callable[..., None]:
    return lambda msg, **_: what(msg.data)


def main() -> None:
    """Work for a master until it is over."""
    keeper.die_with_parent()
    logging.getLogger("locust").setLevel(logging.CRITICAL)  # its words are for its own users
    host, port, cpu, *source = sys.argv[1:]
    try:
        worker = Worker(host, int(port), int(cpu), "".join(source))
    except ConnectionError:
        sys.exit(f"error: No master of Locust answers at {host}:{port}.")
    gevent.signal_handler(signal.SIGTERM, worker.leave)
    gevent.signal_handler(signal.SIGINT, worker.leave)
    try:
        worker.work()
    finally:
        worker.end()


if __name__ == "__main__":
    main()
