"""Instances as processes of this machine, each in a control group of its own."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from harness.measure.launch.containers.cgroup import Cgroup
from harness.measure.launch.functions import control_groups
from harness.measure.launch.functions.instance_places import InstanceEnd
from harness.measure.launch.functions.orders import FunctionOrder

HOST = "127.0.0.1"
NO_IMAGE = "its instances are processes, which have no image"
GROUP = "group"  # of the order's own part: the function's control group
CPU_MIB = 1769  # of memory come with one CPU: harness.setup.functions
_MIB = 1 << 20
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_LOOK_S = 0.1  # between two looks at the memory: each reads a file for every process


class ProcessInstance:
    """The processes of one instance."""

    def __init__(self, popen: subprocess.Popen[bytes], group: Cgroup, begun_ns: int) -> None:
        self._popen = popen
        self._group = group
        self.pid = popen.pid
        self.begun_ns = begun_ns
        self._peak = 0
        self._looked = 0.0
        self._over = asyncio.get_running_loop().create_future()
        self._descriptor = os.pidfd_open(popen.pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._end)

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

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._over.set_result(self._popen.wait())

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
        cpus, parent = self._order.cpus, os.getpid()

        def prepare() -> None:
            control_groups.join(group)
            os.sched_setaffinity(0, cpus)
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)  # the front was killed before that was said

        try:
            begun_ns = time.monotonic_ns()
            popen = subprocess.Popen(
                self._order.command,
                cwd=self._order.cwd,
                env={**self._order.environment, **environment},
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=prepare,
            )
        except (OSError, subprocess.SubprocessError):
            control_groups.removed(group)
            raise
        return ProcessInstance(popen, group, begun_ns)

    async def remove_image(self) -> None:
        raise OSError(NO_IMAGE)

    async def layers(self) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        await asyncio.to_thread(control_groups.removed, self._parent)


def _peak_of(pid: int) -> int:
    """The most memory that a process has held."""
    with suppress(OSError, StopIteration, ValueError):
        text = Path(f"/proc/{pid}/status").read_text()
        line = next(line for line in text.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return 0
