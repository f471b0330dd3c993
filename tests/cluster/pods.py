"""Launching variants of a sandbox as pods, without a campaign."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.measure.launch.kubernetes.launched_pods import LaunchedPods
from harness.measure.launch.launchers.kubernetes import KubernetesLauncher
from tests.docker.containers import answers, launched_by
from tests.system.sandbox import Sandbox, until


@contextmanager
def launched(sandbox: Sandbox, name: str = "_fake", **options: str) -> Iterator[LaunchedPods]:
    """A Deployment of the sandbox's variant; stopped at the end, where the test did not."""
    launcher = KubernetesLauncher(**options)
    with launched_by(launcher, "kubernetes", sandbox, name) as server:
        assert isinstance(server, LaunchedPods)
        yield server


def ready(server: LaunchedPods) -> LaunchedPods:
    """The same, once it answers."""

    def is_up() -> bool:
        assert server.exited() is None
        return server.port != 0 and answers(server)

    until(is_up)
    return server
