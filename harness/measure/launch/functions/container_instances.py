"""Instances as containers: without rights, with a read-only root, as large as they are billed.

The engine's SDK waits for each answer, so that it is called in threads; an instance has one that
waits for its end.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harness.base.errors import HarnessError
from harness.measure.launch.containers import cgroup, creating, engine
from harness.measure.launch.functions.cold_image import ColdImage
from harness.measure.launch.functions.instance_places import InstanceEnd
from harness.measure.launch.functions.program_start import program_start_ns

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_LOG_LINES = 10_000
_LOOK_S = 0.1  # between two looks at the memory
_SIGNALLED = 128  # plus the signal: the exit code of a container that one has ended
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerOrder:
    """What the front must know of its place; it can be written as JSON."""

    image: str
    network: str
    gateway: str  # this machine's address there
    bridged: bool  # whether this machine reaches containers there
    engine: dict[str, str]  # environment variables that lead to it
    options: dict[str, Any]  # for the SDK's `containers.create`, all but the network and the name
    name: str  # of each, before its number
    ports: tuple[int, ...]  # in the container, the load's first
    file: str  # for the image, where it is to be absent


def in_thread(call: Callable[..., Value], **options: Any) -> asyncio.Future[Value]:
    """What it returns, called in a thread of its own, which keeps no program from ending."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Value] = loop.create_future()

    def put(value: Value | None, error: BaseException | None) -> None:
        if result.done():
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value, error = None, None
        try:
            value = call(**options)
        except BaseException as raised:  # it is raised where it is waited for
            error = raised
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            loop.call_soon_threadsafe(put, value, error)

    threading.Thread(target=run, daemon=True).start()
    return result


class ContainerInstance:
    """One that was begun."""

    def __init__(self, number: int, order: ContainerOrder, container: Container) -> None:
        self._number, self._container = number, container
        self.pid = int(container.attrs["State"]["Pid"])
        now = time.monotonic_ns()
        self.begun_ns = min(now, program_start_ns(self.pid) or now)
        self.group = cgroup.of_process(self.pid) if self.pid else None  # where it can be seen
        self.published = not order.bridged
        self.host, self.port = _address(order, container.attrs["NetworkSettings"])
        self._peak_bytes = 0
        self._looked = 0.0
        self._ended = in_thread(self._until_ended)

    async def ended(self) -> InstanceEnd:
        """Wait until its main process has ended."""
        return await asyncio.shield(self._ended)

    def terminate(self) -> None:
        """Its stop signal to the main process."""
        self._signal(None)

    def kill(self) -> None:
        """SIGKILL to all processes."""
        self._signal("SIGKILL")

    def _signal(self, name: str | None) -> None:
        signal = name or self._container.attrs["Config"].get("StopSignal") or "SIGTERM"
        if not self._ended.done():
            in_thread(lambda: self._asked(lambda: self._container.kill(signal)))

    def peak_bytes(self) -> int:
        """The most memory that it was seen to hold, file cache left out."""
        now = time.monotonic()
        if self.group is None or now - self._looked < _LOOK_S:
            return self._peak_bytes
        self._looked = now
        with suppress(OSError):
            self._peak_bytes = max(self._peak_bytes, self.group.memory_bytes())
        return self._peak_bytes

    async def pause(self) -> None:
        """Freeze its processes."""
        await in_thread(lambda: self._asked(self._container.pause))

    async def unpause(self) -> None:
        """Let them go on."""
        await in_thread(lambda: self._asked(self._container.unpause))

    async def remove(self) -> None:
        """Keep its log, when its main process has ended."""
        await in_thread(self._removed)

    def _removed(self) -> None:
        with answered():
            os.write(sys.stdout.fileno(), self._container.logs(tail=_LOG_LINES))
        with answered():
            self._container.remove(force=True, v=True)

    def _asked(self, call: Callable[[], None]) -> None:
        with answered():
            call()

    def _until_ended(self) -> InstanceEnd:
        code, out_of_memory = None, False
        with answered():
            self._container.wait(timeout=None)
            self._container.reload()
            state = self._container.attrs["State"]
            code, out_of_memory = state["ExitCode"], bool(state["OOMKilled"])
            if code > _SIGNALLED:
                code = _SIGNALLED - code
        return InstanceEnd(code=code, out_of_memory=out_of_memory)


@contextmanager
def answered() -> Iterator[None]:
    """What the engine can't do with a container that has ended, or is gone, is no trouble."""
    from docker.errors import DockerException
    from requests import RequestException

    with suppress(DockerException, RequestException, OSError):
        yield


def _address(order: ContainerOrder, settings: Mapping[str, Any]) -> tuple[str, int]:
    """Where this machine reaches its first port."""
    if order.bridged:
        return settings["Networks"][order.network]["IPAddress"], order.ports[0]
    bound = (settings["Ports"] or {}).get(f"{order.ports[0]}/tcp") or ({"HostPort": 0},)
    return "127.0.0.1", int(bound[0]["HostPort"])


class Containers:
    """Where instances are containers of an engine."""

    def __init__(self, order: ContainerOrder) -> None:
        """Raises NoEngine."""
        os.environ.update(order.engine)
        self.host = order.gateway
        self._order = order
        self._client: DockerClient = engine.connect()
        self._cold: ColdImage | None = None

    async def begin(self, number: int, environment: Mapping[str, str]) -> ContainerInstance:
        """Begin the container of an instance. Raises OSError."""
        made = in_thread(lambda: self._begun(number, environment))
        try:
            container = await asyncio.shield(made)
        except HarnessError as error:
            raise OSError(str(error)) from error
        except asyncio.CancelledError:  # nobody else knows of it yet
            with suppress(HarnessError):
                await in_thread((await made).remove, force=True, v=True)
            raise
        return ContainerInstance(number, self._order, container)

    def _begun(self, number: int, environment: Mapping[str, str]) -> Container:
        order = self._order
        if self._cold is not None:
            self._cold.load()
        made = {**order.options, "name": f"{order.name}-{number}"}
        made["environment"] = {**made["environment"], **environment}
        if not order.bridged:
            made["ports"] = creating.published(order.ports)
        what = f"The container of instance {number}"
        with engine.answering(f"{what} can't be created"):
            container, _ = creating.create(self._client, self._image, network=order.network, **made)
        try:
            with engine.answering(f"{what} can't be started"):
                container.start()
                container.reload()
        except BaseException:
            container.remove(force=True, v=True)
            raise
        return container

    @property
    def _image(self) -> str:
        return self._order.image if self._cold is None else self._cold.tag

    async def remove_image(self) -> None:
        """The next start has to load the image; no instance may be there. Raises OSError."""
        try:
            await in_thread(self._image_removed)
        except HarnessError as error:
            raise OSError(str(error)) from error

    def _image_removed(self) -> None:
        if self._cold is None:
            owner = self._order.options["labels"][engine.OWNER]
            self._cold = ColdImage(self._client, self._image, Path(self._order.file), owner)
        self._cold.remove()

    async def layers(self) -> tuple[str, ...]:
        """The folders of this machine that hold what is in the image, where they can be seen."""
        return await in_thread(lambda: layers(self._client, self._image))

    async def close(self) -> None:
        """When no instance is left."""
        if self._cold is not None:
            with suppress(HarnessError):
                await in_thread(self._cold.close)
        self._client.close()


def layers(client: DockerClient, image: str) -> tuple[str, ...]:
    """The folders of this machine that hold what is in an image, where they can be seen."""
    found: tuple[str, ...] = ()
    with answered():
        told = (client.images.get(image).attrs.get("GraphDriver") or {}).get("Data") or {}
        found = (*(told.get("LowerDir") or "").split(":"), told.get("UpperDir") or "")
    return tuple(each for each in found if each and os.access(each, os.R_OK | os.X_OK))
