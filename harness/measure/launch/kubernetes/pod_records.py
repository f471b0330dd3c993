"""The records of the predictors in pods: read from this machine's own files, else by a program in
the pod, which tells its clocks too."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import RLock

from harness.base.errors import LaunchError
from harness.measure.launch import calls
from harness.measure.launch.calls import ServerRecords
from harness.measure.launch.kubernetes import pod_clock
from harness.measure.launch.kubernetes.pod_clock import THIS_MACHINE, NodeClock
from harness.measure.launch.kubernetes.pod_exec import Conversation, PodPrograms
from harness.measure.launch.kubernetes.record_folders import RecordFolder
from harness.stored.pods import PodShare

# Answers a line with the clocks, or with the rest of each file: its name and size, then its bytes.
_PROGRAM = """\
import json, os, sys, time
folder, out = sys.argv[1], sys.stdout.buffer
try:
    boot = open("/proc/sys/kernel/random/boot_id").read().strip()
except OSError:
    boot = "-"
for line in sys.stdin:
    if line == "clocks\\n":
        out.write(b"%d %d %s\\n" % (time.monotonic_ns(), time.time_ns(), boot.encode()))
    else:
        known = json.loads(line)
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if name.partition("-")[0] in known["kinds"] and os.path.isfile(path):
                with open(path, "rb") as file:
                    file.seek(known["sizes"].get(name, 0))
                    data = file.read()
                out.write(json.dumps([name, len(data)]).encode() + b"\\n" + data)
        out.write(b"null\\n")
    out.flush()
"""


@dataclass(slots=True)
class _Fetched:
    """What is known of one pod."""

    files: dict[str, bytes] = field(default_factory=dict)
    clock: NodeClock | None = None
    here: RecordFolder | None = None


class PodRecords:
    """The records of all pods of a Deployment, those that are gone too. Threads may share it."""

    def __init__(self, programs: PodPrograms, interpreter: str, folder: str) -> None:
        """Without an interpreter there are no records: the pods' image is none of ours."""
        self._programs = programs
        self._interpreter = interpreter
        self._folder = folder
        self._pods: dict[str, _Fetched] = {}
        self._lock = RLock()

    def is_here(self, pod: str, pid: int) -> None:
        """That process of the pod runs on this machine."""
        with self._lock:
            known = self._pods.setdefault(pod, _Fetched())
            known.clock = THIS_MACHINE
            if known.here is None and self._interpreter:
                with suppress(OSError):
                    known.here = RecordFolder(pid, self._folder)

    def read(self, pod: str) -> None:
        """Fetch what is new of a pod. Raises LaunchError."""
        if not self._interpreter:
            return
        with self._lock:
            known = self._pods.setdefault(pod, _Fetched())
            if known.here is not None:
                known.here.read(known.files)
                return
            command = (self._interpreter, "-c", _PROGRAM, self._folder)
            with self._programs.conversation(pod, command) as spoken:
                known.clock = pod_clock.asked(lambda: spoken.ask("clocks"))
                _fetch(spoken, known.files)

    def read_gone(self, pod: str) -> None:
        """What is left of a pod that may be gone, if anything."""
        with suppress(LaunchError, OSError):
            self.read(pod)

    def all(self) -> ServerRecords:
        """What was fetched of all pods."""
        return calls.together(self._each().values())

    def shares(self, start_ns: int, end_ns: int) -> tuple[PodShare, ...]:
        """The calls of each pod that were fetched and began between two moments of this host."""
        return tuple(
            PodShare(pod=pod, calls=len(records.between(start_ns, end_ns).start_ns))
            for pod, records in self._each().items()
        )

    def clock_off_s(self) -> float | None:
        """How far the nodes' clocks of the day are off ours at most; None: none was asked."""
        clocks = [known.clock.off_s for known in self._pods.values() if known.clock is not None]
        return max(clocks, key=abs, default=None)

    def close(self) -> None:
        """No more is fetched from this machine's files."""
        with self._lock:
            for known in self._pods.values():
                if known.here is not None:
                    known.here.read(known.files)
                    known.here.close()
                    known.here = None

    def _each(self) -> dict[str, ServerRecords]:
        with self._lock:
            return {
                pod: calls.of_files(known.files, (known.clock or THIS_MACHINE).monotonic)
                for pod, known in sorted(self._pods.items())
            }


def _fetch(spoken: Conversation, files: dict[str, bytes]) -> None:
    """Add what is new to the files that are known."""
    sizes = {name: len(data) for name, data in files.items() if calls.grows(name)}
    told = spoken.ask(json.dumps({"kinds": calls.KINDS, "sizes": sizes}))
    for name, size in _announced(spoken, told):
        data = spoken.bytes(size)
        if not calls.is_record(name):
            continue
        files[name] = files.get(name, b"") + data if calls.grows(name) else data


def _announced(spoken: Conversation, told: str) -> Iterable[tuple[str, int]]:
    """(name, size) of each file that follows."""
    while True:
        try:
            found = json.loads(told)
            if found is None:
                return
            name, size = str(found[0]), int(found[1])
        except (ValueError, TypeError, LookupError) as error:
            raise LaunchError(f"A pod's records can't be read: {told[:100]!r}.") from error
        yield name, size
        told = spoken.line()
