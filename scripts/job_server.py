"""A server that takes jobs, by itself: its processes can be killed, and its clients ask on.

For scripts/bench_jobs.py and the tests. Its predictor sleeps for as long as it is told, so that a
job has a middle in which its worker can be killed; a benchmark's own may take its place.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.measure.launch.launchers.ports import free_ports
from harness.measure.prepare import artefacts, environments
from harness.setup import catalog, components

WEB, WORKER, BROKER = "uvicorn", "worker.py", "redis-server"
LIVED_S = 1.2  # a process that is killed earlier counts as one that can't be started
SLOW = """\
import time

class Predictor:
    def predict(self, instances):
        for each in instances:
            if not isinstance(each, str):
                raise ValueError(f"{each!r} is no text")
            if each.startswith("sleep "):
                time.sleep(float(each.removeprefix("sleep ")))
        return [{"label": each[:20]} for each in instances]

def load(artefact_dir, device, threads):
    return Predictor()
"""
_MARK = re.compile(r"(\w+)=(\d+)")
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer about a job, or to a submission."""

    status: int  # of HTTP; 0: none came
    told: dict[str, Any]
    seconds: float
    marks: dict[str, int] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.status == 404 or self.told.get("status") in ("completed", "failed")


class JobServer:
    """One variant, from when it answers on."""

    def __init__(
        self, variant: str, folder: Path, *, benchmark: str | None = None, **settings: str
    ) -> None:
        self.folder = folder
        known = catalog.variants()[variant]
        chosen = catalog.benchmarks()[benchmark or "noop"]
        environment = environments.for_variant(known, chosen)
        self.python = environment.python
        artefact, predictor = folder, folder / "slow.py"
        predictor.write_text(SLOW)
        if benchmark is not None:
            own = environments.for_variant(catalog.variants()["in-process"], chosen)
            artefact, predictor = artefacts.ensure(chosen, own).folder, chosen.predictor("onnx")
        (self.port,) = free_ports(1, "127.0.0.1")
        batching = known.table.batching
        size = {"HARNESS_BATCH_SIZE": str(batching.max_size)} if batching else {}
        command = [part.format(bin=environment.bin) for part in known.table.command]
        self.log = folder / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=known.server.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={
                    **{"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)},
                    **{"PYTHONPATH": str(known.server.shared), "PYTHONDONTWRITEBYTECODE": "1"},
                    **{"HARNESS_HOST": "127.0.0.1", "HARNESS_PORT": str(self.port)},
                    **{"HARNESS_PREDICTOR": str(predictor), "HARNESS_ARTEFACT": str(artefact)},
                    **{"HARNESS_DEVICE": "cpu", "HARNESS_THREADS": "1", "OMP_NUM_THREADS": "1"},
                    "HARNESS_WORKERS": str(known.table.workers),
                    "HARNESS_REDIS_SERVER": str(components.place("redis")),
                    **size,
                    **settings,
                },
            )

    def __enter__(self) -> JobServer:
        try:
            # Until a worker is there too.
            name = self.submitted("a")
            self.ended(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGCONT, signal.SIGTERM):
            self._signal_all(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self._signal_all(signal.SIGKILL)
        self.process.wait()

    def _signal_all(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> Answer:
        """One request on a connection of its own."""
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": kind} if kind else {})
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            return Answer(status=0, told={}, seconds=time.perf_counter() - began)
        finally:
            connection.close()
        seconds = time.perf_counter() - began
        try:
            told = json.loads(text)
        except ValueError:
            told = {"error": text.decode(errors="replace")}
        marks = _MARK.findall(response.headers.get("x-job-marks", ""))
        return Answer(
            status=response.status,
            told=told,
            seconds=seconds,
            marks={name: int(value) for name, value in marks},
        )

    def submit(self, *instances: object) -> Answer:
        """Once, whatever comes of it."""
        return self.ask("POST", "/", json.dumps({"instances": instances}).encode())

    def submitted(self, *instances: object) -> str:
        """The id of a job that was taken, after as many tries as that needs."""

        def taken() -> str | None:
            if self.process.poll() is not None:
                raise RuntimeError(f"The server has ended: {self.log.read_text()}")
            answer = self.submit(*instances)
            return answer.told["id"] if answer.status == 200 else None

        return until(taken)

    def look(self, name: str) -> Answer:
        """How far a job is."""
        return self.ask("GET", f"/{name}")

    def ended(self, name: str, seconds: float = 300.0) -> Answer:
        """How a job ended; whoever is away meanwhile, it is asked after until it is known."""

        def over() -> Answer | None:
            answer = self.look(name)
            return answer if answer.is_over else None

        return until(over, seconds)

    def begun(self, name: str) -> Answer:
        """When a worker has it, or has had it."""

        def there() -> Answer | None:
            answer = self.look(name)
            return answer if answer.told.get("status") not in (None, "in_queue") else None

        return until(there)

    def pids(self, what: str) -> list[int]:
        """Its processes of that kind."""
        return [pid for pid, command in _session(self.process.pid) if what in command]

    def victim(self, what: str) -> int:
        """One of them that has lived long enough to be killed."""

        def old() -> int:
            return next((pid for pid in self.pids(what) if _age_s(pid) > LIVED_S), 0)

        return until(old)

    def kill(self, pid: int) -> None:
        """SIGKILL, and wait until it is gone."""
        os.kill(pid, signal.SIGKILL)
        until(lambda: pid not in self.pids(""))

    def pause(self, what: str) -> list[int]:
        """Stop its processes of that kind until they get SIGCONT; none in a transaction, in which
        it would keep all others from the file of a queue."""

        def stopped() -> list[int]:
            pids = self.pids(what)
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            if self._is_locked():
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
                return []
            return pids

        return until(stopped)

    def _is_locked(self) -> bool:
        path = self.folder / "queue.db"
        if not path.exists():
            return False
        with contextlib.closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as file:
            try:
                file.execute("begin immediate")
            except sqlite3.OperationalError:
                return True
            file.execute("rollback")
        return False

    def cpu_s(self) -> float:
        """CPU time that its processes have used."""
        used = (_stat(pid)[11:13] for pid in self.pids(""))
        return sum(int(ticks) for each in used for ticks in each) / os.sysconf("SC_CLK_TCK")

    def redis(self, command: str) -> bytes:
        """The answer of its Redis to a command."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(30)
            sock.connect(str(self.folder / "redis" / "socket"))
            sock.sendall(f"{command}\r\n".encode())
            return sock.recv(4096)


def until(found: Callable[[], Value | None], seconds: float = 300.0) -> Value:
    """The first result that is not empty. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > end:
            raise TimeoutError(f"nothing came within {seconds:g} s")
        time.sleep(0.01)
    return value


def _session(session: int) -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = _stat(int(entry.name))
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it has ended
        if int(fields[3]) == session and fields[0] != "Z":
            yield int(entry.name), command


def _age_s(pid: int) -> float:
    began_s = int(_stat(pid)[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began_s


def _stat(pid: int) -> list[str]:
    """The fields of a process's state, from the third on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
