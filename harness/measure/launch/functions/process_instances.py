"""Instances as processes of this machine, each in a control group of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from harness.measure.launch.containers.cgroup import Cgroup
from harness.measure.launch.functions import control_groups
from harness.measure.launch.functions.instance_places import InstanceEnd
from harness.measure.launch.functions.orders import FunctionOrder
from harness.measure.launch.launchers import keeper

HOST = "127.0.0.1"
NO_IMAGE = "its instances are processes, which have no image"
GROUP = "group"  # of the order's own part: the function's control group
CPU_MIB = 1769  # of memory come with one CPU: harness.setup.functions
_MIB = 1 << 20
_LOOK_S = 0.1  # between two looks at the memory: each reads a file for every process


class ProcessInstance:
    """The processes of one instance."""

    def __init__(
        self, popen: subprocess.Popen[bytes], group: Cgroup, over: asyncio.Future[int]
    ) -> None:
        self.begun_ns = time.monotonic_ns()
        self._popen = popen
        self._group = group
        self._over = over
        self.pid = popen.pid
        self._peak = 0
        self._looked = 0.0

    async def ended(self) -> InstanceEnd:
        code = await asyncio.shield(self._over)
        return InstanceEnd(code=code, out_of_memory=self._was_out_of_memory())

    def terminate(self) -> None:
        if self._popen.returncode is None:
            self._popen.terminate()

    def kill(self) -> None:
        control_groups.killed(self._group)
        if self._popen.returncode is None:
            self._popen.kill()

    def peak_bytes(self) -> int:
        now = time.monotonic()
        if now - self._looked > _LOOK_S:
            self._looked = now
            self._peak = max(self._peak, sum(map(_peak_of, self._group.pids())))
        return self._peak

    async def remove(self) -> None:
        for _ in range(500):
            if control_groups.removed(self._group, within_s=0):
                return
            await asyncio.sleep(0.01)

    def _was_out_of_memory(self) -> bool:
        with suppress(OSError, KeyError):
            return self._group.out_of_memory() > 0
        return False


class Processes:
    """Starts them."""

    host = HOST

    def __init__(self, order: FunctionOrder) -> None:
        self._order = order.instance
        self._memory_mib = order.memory_mib
        self._parent = control_groups.of_json(order.own[GROUP])
        self._serial = 0

    async def begin(self, number: int, environment: Mapping[str, str]) -> ProcessInstance:
        self._serial += 1  # an instance may be begun twice
        group = control_groups.child(
            self._parent,
            f"{number}-{self._serial}",
            cpus=self._memory_mib / CPU_MIB,
            memory_bytes=self._memory_mib * _MIB,
        )
        loop = asyncio.get_running_loop()
        begun: asyncio.Future[ProcessInstance] = loop.create_future()
        threading.Thread(
            target=self._hold, args=(loop, group, environment, begun), daemon=True
        ).start()
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            begun.add_done_callback(_unwanted)
            raise

    def _hold(
        self,
        loop: asyncio.AbstractEventLoop,
        group: Cgroup,
        environment: Mapping[str, str],
        begun: asyncio.Future[ProcessInstance],
    ) -> None:
        """Begin an instance, and wait for its end, in a thread of its own: to put a process into a
        control group may take the kernel 10 ms. A process dies with the thread that began it."""
        over: asyncio.Future[int] = loop.create_future()
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            try:
                popen = self._begin(group, environment)
                made = ProcessInstance(popen, group, over)
            except (OSError, subprocess.SubprocessError) as error:
                control_groups.removed(group)
                reason = error if isinstance(error, OSError) else OSError(str(error))
                loop.call_soon_threadsafe(begun.set_exception, reason)
                return
            loop.call_soon_threadsafe(begun.set_result, made)
            loop.call_soon_threadsafe(over.set_result, popen.wait())

    def _begin(self, group: Cgroup, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        cpus, parent = self._order.cpus, os.getpid()

        def prepare() -> None:
            control_groups.join(group)
            os.sched_setaffinity(0, cpus)
            keeper.die_with_parent()
            if os.getppid() != parent:
                os._exit(1)  # the front was killed before that was said

        return subprocess.Popen(
            self._order.command,
            cwd=self._order.cwd,
            env={**self._order.environment, **environment},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=prepare,
        )

    async def remove_image(self) -> None:
        raise OSError(NO_IMAGE)

    async def layers(self) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        await asyncio.to_thread(control_groups.removed, self._parent)


def _unwanted(begun: asyncio.Future[ProcessInstance]) -> None:
    if not begun.cancelled() and begun.exception() is None:
        begun.result().kill()


def _peak_of(pid: int) -> int:
    """The most memory that a process has held."""
    with suppress(OSError, StopIteration, ValueError):
        text = Path(f"/proc/{pid}/status").read_text()
        line = next(line for line in text.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return 0
