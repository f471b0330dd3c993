"""A launcher's declaration: the capabilities of the servers that it starts.

Declarations are stored with each run, so that the report need not know any launcher.
"""

from __future__ import annotations

from dataclasses import dataclass

DOCKER = "docker"
KUBERNETES = "kubernetes"
PROCESS = "process"  # the launcher that needs nothing, and that of the references
REMOTE = "remote"  # of endpoints that are up already


@dataclass(frozen=True, slots=True, kw_only=True)
class Launching:
    """The defaults describe a process of this machine."""

    described: str = ""  # how its servers run, in words that follow the launcher's name
    starts: bool = True  # it starts and stops servers, so that their life is known
    overloads: bool = True  # they may be overloaded, and stopped under load
    restarts: bool = True  # it can start one again at the same address
    usage: bool = True  # it sees their CPU time and memory
    here: bool = True  # they run on this machine, held to the server's CPUs
    installs: bool = True  # from packages that are installed here, rather than from an image
    replicates: bool = False  # it starts as many copies of a server as it is told
    handlers: bool = False  # it calls the handler that a variant's function names
    again: tuple[str, ...] = ()  # options that measure a variant by it again, beside its name

    @property
    def runs_images(self) -> bool:
        """Whether a container image can be started by it."""
        return self.starts and not self.installs


# The launchers of schemas 1 to 6, whose files hold only their names.
_EARLIER = {
    PROCESS: Launching(again=("--launcher", PROCESS)),
    DOCKER: Launching(described="a container", installs=False),
    REMOTE: Launching(
        described="an endpoint that was already running",
        starts=False,
        overloads=False,
        restarts=False,
        usage=False,
        here=False,
        installs=False,
    ),
}
_declared: dict[str, Launching] = {}


def declare(name: str, launching: Launching) -> None:
    """Make a launcher of this process known."""
    _declared[name] = launching


def of(name: str) -> Launching:
    """The declaration of the launcher of that name."""
    return _declared.get(name) or of_earlier(name)


def for_images() -> str:
    """The launcher that a container image is for."""
    return next(name for name, way in {**_EARLIER, **_declared}.items() if way.runs_images)


def of_earlier(name: str) -> Launching:
    """The declaration of the launcher of that name for files that do not hold one."""
    return _EARLIER.get(name, Launching())
