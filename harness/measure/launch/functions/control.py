"""The harness's side of a front's control socket."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.base.errors import LaunchError
from harness.measure.launch.functions import Instance, Steps, commands, page_cache, reading
from harness.setup.functions import Scaling
from harness.stored.starts import FILES, IDLE, IMAGE, Temperature
from harness.windows.invocations import Invocations

_LIMIT_S = 30.0  # of a command
_IMAGE_S = 600.0  # of one for which an engine reads and writes a whole image
_EVERY_S = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooling:
    """What the next start can be made to find absent."""

    files: tuple[Path, ...]  # and folders, that an instance reads on this machine
    why_no_files: str | None = None
    why_no_image: str | None = None


class Control:
    """The commands of one front, and the records that it writes."""

    def __init__(self, path: Path, records: Path, cooling: Cooling) -> None:
        self._path = path
        self._records = records
        self._cooling = cooling

    def scale(self, scaling: Scaling) -> None:
        """See FunctionControl."""
        self._told(do=commands.SCALE, limits=asdict(scaling))

    def instances(self) -> tuple[Instance, ...]:
        """See FunctionControl."""
        return tuple(Instance(**facts) for facts in self._told(do=commands.INSTANCES))

    def retire(self) -> None:
        """See FunctionControl."""
        self._told(do=commands.RETIRE)

    def kill(self, number: int) -> None:
        """SIGKILL to an instance; one that is gone is left alone."""
        self._told(do=commands.KILL, number=number)

    def why_not(self, temperature: Temperature) -> str | None:
        """See FunctionControl."""
        reasons = {IMAGE: self._cooling.why_no_image, FILES: self._cooling.why_no_files}
        return reasons.get(temperature)

    def cool(self, temperature: Temperature) -> None:
        """See FunctionControl."""
        if reason := self.why_not(temperature):
            raise LaunchError(f"The next start can't be as cold as {temperature!r}: {reason}.")
        if temperature == IDLE:
            self._require_idle()
            return
        self.retire()
        if left := self.instances():
            raise LaunchError(f"{len(left)} instances are not idle, so that none can start anew.")
        if temperature == FILES:
            layers = map(Path, self._told(do=commands.LAYERS))
            page_cache.drop((*self._cooling.files, *layers))
        elif temperature == IMAGE:
            self._told(limit_s=_IMAGE_S, do=commands.REMOVE_IMAGE)

    def steps(self) -> tuple[Steps, ...]:
        """See FunctionControl."""
        return reading.steps(self._records)

    def invocations(self, start_ns: int, end_ns: int) -> Invocations:
        """See FunctionControl."""
        with suppress(LaunchError):  # it is gone, and has written all
            self.instances()  # what it had answered before it answers this is written, too
        return reading.invocations(self._records, start_ns, end_ns)

    def await_front(self, ended: Callable[[], str | None], limit_s: float) -> None:
        """Return when the front takes commands. Raises LaunchError."""
        end = time.monotonic() + limit_s
        while True:
            try:
                self.instances()
                return
            except LaunchError as error:
                reason = ended() or (str(error) if time.monotonic() > end else None)
                if reason is not None:
                    raise LaunchError(f"Its front does not serve: {reason}") from error
            time.sleep(_EVERY_S)

    def _require_idle(self) -> None:
        if not any(each.state == "idle" and each.handled for each in self.instances()):
            raise LaunchError("No instance is idle that has answered before.")

    def _told(self, limit_s: float = _LIMIT_S, **command: Any) -> Any:
        """The answer to a command. Raises LaunchError."""
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(limit_s)
                with commands.near(self._path) as short:
                    sock.connect(short)
                sock.sendall(json.dumps(command).encode() + b"\n")
                with sock.makefile("rb") as stream:
                    line = stream.readline()
        except OSError as error:
            raise LaunchError(
                f"The front of the function takes no command: {error.strerror or error}."
            ) from error
        found = json.loads(line) if line else {"error": "it ended"}
        if "error" in found:
            raise LaunchError(f"The front did not do {command['do']!r}: {found['error']}.")
        return found["answer"]
