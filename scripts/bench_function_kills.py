"""What becomes of requests when instances of a function are killed under load.

    python scripts/bench_function_kills.py [VARIANT] [--kills 50] [--benchmark noop] [--clients 4]
                                           [--instances 2] [--launcher lambda]

Clients ask in a closed loop. The script sends SIGKILL to one instance after the other, to a busy
one where there is one. In the end each request was answered (200), has an error that says why
(502), met a closed connection, or hangs: it had no answer after a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from harness.measure.launch import launchers
from harness.measure.launch.functions import Instance, LaunchedFunction
from harness.measure.launch.functions.launched import OF_INSTANCES
from harness.measure.launch.launchers import LaunchOrder
from harness.measure.prepare import artefacts, environments
from harness.setup import catalog
from harness.setup.functions import Scaling

HANGS_S = 60.0
FATES = ("answered", "error", "closed", "hangs")


@dataclass
class Load:
    """Clients that ask until they are told to stop."""

    launched: LaunchedFunction
    path: str
    bodies: list[bytes]
    fates: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, body: bytes) -> str:
        """One of FATES, of a request on a connection of its own."""
        connection = HTTPConnection(self.launched.host, self.launched.port, timeout=HANGS_S)
        try:
            headers = {"content-type": "application/json"}
            connection.request("POST", self.path, body, headers)
            status = connection.getresponse().status
        except TimeoutError:
            return "hangs"
        except (OSError, HTTPException):
            return "closed"
        finally:
            connection.close()
        return "answered" if status == 200 else "error"

    def run(self, seed: int) -> None:
        """As one client."""
        chosen = random.Random(seed)
        while not self._stop.is_set():
            began = time.monotonic()
            fate = self.ask(chosen.choice(self.bodies))
            with self._lock:
                self.fates[fate] += 1
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def stop(self) -> None:
        self._stop.set()


def order(name: str, benchmark: str, launcher: launchers.Launcher, scratch: Path) -> LaunchOrder:
    """The order of a variant, with a benchmark's model."""
    variant, chosen = catalog.variants()[name], catalog.benchmarks()[benchmark]
    own = environments.for_variant(catalog.variants()["in-process"], chosen)
    artefact = artefacts.ensure(chosen, own).folder
    cpus = sorted(os.sched_getaffinity(0))
    return LaunchOrder(
        variant=variant,
        provided=launcher.provide(variant, chosen, artefact, "cpu"),
        benchmark=chosen,
        artefact=artefact,
        threads=1,
        device="cpu",
        cpus=tuple(cpus[-1:]),
        signature={},
        scratch=scratch,
    )


def up(launched: LaunchedFunction, beyond: int = 0) -> Instance:
    """A busy instance, or one that is idle, once there is one whose number is beyond that."""
    end = time.monotonic() + HANGS_S
    while time.monotonic() < end:
        found = launched.control.instances()
        fit = [each for each in found if each.state != "starting" and each.number > beyond]
        if fit:
            return max(fit, key=lambda each: (each.state == "busy", each.number))
        time.sleep(0.005)
    raise TimeoutError(f"no instance came up within {HANGS_S:g} s")


def kills(load: Load, count: int) -> list[float]:
    """Kill so many; how long it took until a new one was up, of each, in seconds."""
    chosen, found = random.Random(0), []
    for _ in range(count):
        time.sleep(chosen.uniform(0.02, 0.2))
        last = max((each.number for each in load.launched.control.instances()), default=0)
        victim = up(load.launched)
        began = time.monotonic()
        load.launched.kill(OF_INSTANCES + victim.number)
        up(load.launched, beyond=last)
        found.append(time.monotonic() - began)
    return found


def measured(options: argparse.Namespace) -> int:
    """Print what became of them; how many hang."""
    launcher = launchers.registered()[options.launcher].made({"instances": "process"})
    if reason := launcher.why_not("cpu"):
        raise SystemExit(f"{options.launcher} can't be used here: {reason}.")
    with tempfile.TemporaryDirectory(prefix="h-") as folder:
        made = order(options.variant, options.benchmark, launcher, Path(folder))
        launched = launcher.launch(made)
        assert isinstance(launched, LaunchedFunction)
        try:
            scaling = Scaling(most_instances=options.instances, beyond="queue", idle_s=300.0)
            launched.control.scale(scaling)
            payloads = made.benchmark.payloads()[:100]
            bodies = [json.dumps({"instances": [each]}).encode() for each in payloads]
            load = Load(launched, made.variant.table.path or "/predict", bodies)
            seeds = range(options.clients)
            threads = [threading.Thread(target=load.run, args=(seed,)) for seed in seeds]
            for thread in threads:
                thread.start()
            try:
                again_s = kills(load, options.kills)
            finally:
                load.stop()
                for thread in threads:
                    thread.join()
        finally:
            launched.stop()
            launcher.close()
    told = ", ".join(f"{load.fates[fate]} {fate}" for fate in FATES)
    print(f"{options.variant}: {options.kills} kills, {sum(load.fates.values())} requests: {told}")
    print(
        f"slowest request {load.slowest_s:.2f} s; a new instance is up after "
        f"{statistics.median(again_s):.2f} s (median), {max(again_s):.2f} s at most"
    )
    return load.fates["hangs"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("variant", nargs="?", default="_function")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--benchmark", default="noop")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--instances", type=int, default=2)
    parser.add_argument("--launcher", default="lambda")
    return 1 if measured(parser.parse_args()) else 0


if __name__ == "__main__":
    sys.exit(main())
