"""The time in which this process, and no other, measures on this machine."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.errors import UsageError
from harness.measure import drivers, host
from harness.measure.drivers import DriverOrder
from harness.measure.launchers import Launcher
from harness.measure.launchers.process import ProcessLauncher
from harness.measure.reference import Tools
from harness.tables import PROCESS

_LOCK = "serving-harness.lock"


@contextmanager
def begin(
    launchers: Mapping[str, Launcher], device: str, driver: DriverOrder = drivers.DEFAULT
) -> Iterator[Tools]:
    """Everything that cells share; it ends, whole, with the context.

    This process moves to the generator's CPUs. Raises UsageError where another one measures,
    HarnessError where the driver can't be had.
    """
    with ExitStack() as stack:
        stack.enter_context(exclusive())
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-")))
        allowed = os.sched_getaffinity(0)
        server_cpus, generator_cpus = host.split_cpus()
        os.sched_setaffinity(0, generator_cpus)
        stack.callback(os.sched_setaffinity, 0, allowed)
        for launcher in launchers.values():
            stack.callback(launcher.close)
        generator = stack.enter_context(drivers.make(generator_cpus, driver))
        known = {PROCESS: ProcessLauncher(), **launchers}
        yield Tools(known, generator, server_cpus, device, scratch)


@contextmanager
def exclusive() -> Iterator[None]:
    """One campaign at a time on one machine: two would measure each other. Raises UsageError."""
    path = Path(tempfile.gettempdir()) / _LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise UsageError(f"The lock {path} can't be opened: {error.strerror}.") from error
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"Another campaign is measuring on this machine (process {file.read() or '?'}). "
                "Two at once would measure each other: wait until it ends."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.truncate(0)
