"""What a front is told: a JSON file that the launcher writes and the front reads.

The front starts faster the less it imports: nothing here takes more than the standard library.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

INIT_S = 10.0  # for an initialisation, before the second attempt: Lambda's limit
GRACE_S = 2.0  # from SIGTERM to SIGKILL, of an instance that is ended: Lambda's shutdown phase
THROTTLED = "throttle"  # as harness.setup.functions has it, which takes too long to import


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleLimits:
    """The part that can be changed while instances run: harness.setup.functions.Scaling."""

    most_instances: int
    beyond: str  # what becomes of a request when all of them are busy: "queue" or "throttle"
    idle_s: float  # an instance without requests is ended after it


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceOrder:
    """How an instance is started."""

    command: tuple[str, ...]
    cwd: str
    environment: dict[str, str]
    cpus: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOrder:
    """All that a front needs to know."""

    service: str  # the launcher's name
    place: str  # where instances run: "process" or "container"
    name: str  # of the function
    host: str  # to listen on
    port: int
    control: str  # the path of the socket that takes commands
    records: str  # the folder of its records
    event: str  # what the handler is given: "http" or "invoke"
    ready_path: str
    memory_mib: int
    timeout_s: float  # of an invocation
    concurrency: int  # requests at a time of an instance
    limits: ScaleLimits
    instance: InstanceOrder
    own: dict[str, Any]  # what the place alone understands
    init_s: float = INIT_S
    grace_s: float = GRACE_S

    def write(self, path: Path) -> None:
        """Write it to a file that its owner alone can read."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self)))


def read(path: Path) -> FunctionOrder:
    """The order in a file."""
    found = json.loads(path.read_text())
    instance = found.pop("instance")
    return FunctionOrder(
        limits=limits(found.pop("limits")),
        instance=InstanceOrder(
            command=tuple(instance.pop("command")), cpus=tuple(instance.pop("cpus")), **instance
        ),
        **found,
    )


def limits(found: dict[str, Any]) -> ScaleLimits:
    """ScaleLimits that came as JSON."""
    return ScaleLimits(
        most_instances=int(found["most_instances"]),
        beyond=str(found["beyond"]),
        idle_s=float(found["idle_s"]),
    )
