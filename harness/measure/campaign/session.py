"""The time in which this process, and no other, measures on this machine."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from harness.base.errors import UsageError
from harness.measure.campaign.tools import Tools
from harness.measure.launch.launchers import Launcher
from harness.measure.launch.launchers.process import ProcessLauncher
from harness.measure.load import drivers
from harness.measure.load.drivers import DriverOrder
from harness.measure.watch import host
from harness.setup.launching import PROCESS

_LOCK = "serving-harness.lock"
_MOST = 20  # characters of a process's number

OnWait = Callable[[str], object]


@contextmanager
def begin(
    launchers: Mapping[str, Launcher],
    device: str,
    driver: DriverOrder = drivers.DEFAULT,
    on_wait: OnWait | None = None,
) -> Iterator[Tools]:
    """Everything that cells share; it ends, whole, with the context.

    This process moves to the generator's CPUs. Where another one measures, it waits, which
    `on_wait` is told. Raises UsageError without `on_wait`, HarnessError where the driver
    can't be had.
    """
    with ExitStack() as stack:
        stack.enter_context(exclusive(on_wait))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-")))
        allowed = os.sched_getaffinity(0)
        server_cpus, generator_cpus = host.split_cpus()
        os.sched_setaffinity(0, generator_cpus)
        stack.callback(os.sched_setaffinity, 0, allowed)
        for launcher in launchers.values():
            stack.callback(launcher.close)
        generator = stack.enter_context(drivers.make(generator_cpus, driver))
        known = {PROCESS: ProcessLauncher(), **launchers}
        yield Tools(
            launchers=known,
            generator=generator,
            server_cpus=server_cpus,
            device=device,
            scratch=scratch,
        )


def measuring() -> str | None:
    """The process that measures on this machine now, `?` where it does not say which; None where
    none does, or it can't be known."""
    try:
        path = Path(tempfile.gettempdir()) / _LOCK
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(descriptor)
    finally:
        os.close(descriptor)
    return None


def _holder(descriptor: int) -> str:
    """The process that a lock names; `?` where it names none."""
    said = os.pread(descriptor, _MOST, 0).decode("ascii", "replace")
    return said if said.isdecimal() else "?"


@contextmanager
def exclusive(on_wait: OnWait | None = None) -> Iterator[None]:
    """One campaign at a time on one machine: two would measure each other. Raises UsageError, or
    waits if there is an `on_wait`."""
    descriptor, is_ours = _lock_file()
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            other = f"Another campaign is measuring on this machine (process {_holder(descriptor)})"
            if on_wait is None:
                raise UsageError(
                    f"{other}. Two campaigns at once would distort each other: wait until it ends."
                ) from error
            on_wait(f"{other}: waiting until it ends")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if is_ours:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        try:
            yield
        finally:
            if is_ours:
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _lock_file() -> tuple[int, bool]:
    """(the lock, open; whether it may be written to). Another user's can be held as well: readers
    may lock. Raises UsageError."""
    try:
        path = Path(tempfile.gettempdir()) / _LOCK
    except OSError as error:
        raise UsageError(f"There is no folder for temporary files: {error.strerror}.") from error
    always = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        try:
            descriptor, is_ours = os.open(path, os.O_RDWR | os.O_CREAT | always, 0o644), True
            with suppress(OSError):
                os.fchmod(descriptor, 0o644)  # whatever the umask: other users must see it
        except PermissionError:
            descriptor, is_ours = os.open(path, os.O_RDONLY | always), False
    except OSError as error:
        raise UsageError(_no_lock(path, error.strerror or str(error))) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UsageError(_no_lock(path, "it is not a regular file"))
    return descriptor, is_ours


def _no_lock(path: Path, why: str) -> str:
    return (
        f"The lock {path}, which lets one campaign run at a time, can't be opened: {why}. Its "
        "owner must remove it."
    )
