"""Launching variants of a sandbox as containers, without a campaign."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import httpx

from harness.measure.launch.launchers import Launched, Launcher, LaunchOrder
from harness.measure.launch.launchers.docker import DockerLauncher, LaunchedContainer
from harness.setup import catalog
from tests.system.sandbox import LONG_S, Sandbox, until

Server = TypeVar("Server", bound=Launched)
CPU = min(os.sched_getaffinity(0))


@contextmanager
def launched(sandbox: Sandbox, name: str, device: str = "cpu") -> Iterator[LaunchedContainer]:
    """A container of the sandbox's variant; stopped at the end, where the test did not."""
    with launched_by(DockerLauncher(), "docker", sandbox, name, device) as server:
        assert isinstance(server, LaunchedContainer)
        yield server


@contextmanager
def launched_by(
    launcher: Launcher, way: str, sandbox: Sandbox, name: str, device: str = "cpu"
) -> Iterator[Launched]:
    """The same by another launcher, of that name."""
    variant = replace(catalog.variants()[name], launcher=way)
    noop = catalog.benchmarks()["noop"]
    artefact, scratch = sandbox.root / "artefact", Path(tempfile.mkdtemp())
    artefact.mkdir(exist_ok=True)
    provided = launcher.provide(variant, noop, artefact, device)
    order = LaunchOrder(
        variant=variant,
        provided=provided,
        benchmark=noop,
        artefact=artefact,
        threads=3,
        device=device,
        cpus=(CPU,),
        signature={},
        scratch=scratch,
    )
    try:
        made = launcher.launch(order)
        try:
            yield made
        finally:
            if made.container is None:
                made.stop()
    finally:
        launcher.close()


def ready(server: Server) -> Server:
    """The same, once it answers."""
    until(lambda: answers(server))
    return server


def answers(server: Launched) -> bool:
    """Whether its probe is answered."""
    try:
        url = f"http://{server.host}:{server.port}/health"
        return httpx.get(url, timeout=1, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def predict(server: Launched, body: str = '{"instances": ["a"]}') -> httpx.Response:
    """One request, by hand."""
    url = f"http://{server.host}:{server.port}/predict"
    return httpx.post(url, content=body, timeout=LONG_S, trust_env=False)
