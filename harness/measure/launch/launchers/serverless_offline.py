"""The Serverless Framework with its offline plug-in, which stands for API Gateway and Lambda here.

The variant's server.toml has its command, and its folder a serverless.yml: the framework's own.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness.base.errors import LaunchError
from harness.measure.launch.launchers import LaunchOrder, launcher
from harness.measure.launch.launchers.kept import KeptOrder
from harness.measure.launch.launchers.process import HOST, LaunchedProcess
from harness.measure.prepare import environments, node
from harness.measure.prepare.environments import Environment
from harness.measure.prepare.node import NodePackages
from harness.setup import components
from harness.setup.catalog import Benchmark, Variant
from harness.setup.functions import SERVERLESS_OFFLINE, FunctionTable
from harness.setup.launching import Launching
from harness.stored.container import ImageFacts
from harness.stored.lifecycle import Installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """The handler's packages, and those of Node.js around it."""

    python: Environment
    node: NodePackages
    facts: ImageFacts | None = None  # no image is used

    @property
    def bin(self) -> Path:
        """Of the framework, whose command the variant has."""
        return self.node.bin

    @property
    def installed(self) -> Installed | None:
        parts = [each for each in (self.python.installed, self.node.installed) if each is not None]
        seconds = [part.seconds for part in parts if part.seconds is not None]
        return Installed(
            size_bytes=sum(part.size_bytes for part in parts),
            seconds=sum(seconds) if len(seconds) == 2 else None,
        )

    def version_of(self, package: str | None) -> str | None:
        """Of either."""
        if package is None:
            return None
        return self.node.version_of(package) or self.python.version_of(package)


@launcher(
    SERVERLESS_OFFLINE,
    Launching(
        described="the Serverless Framework's offline plug-in",
        handlers=True,
        again=("--launcher", SERVERLESS_OFFLINE),
    ),
)
class ServerlessOfflineLauncher:
    """Starts the framework as a process of this machine, on loopback."""

    def why_not(self, device: str) -> str | None:
        if sys.platform != "linux":
            return "it needs Linux (pinning, /proc, subreapers)"
        if device != "cpu":
            return "its functions have no GPU"
        return node.why_not()

    def about(self) -> str:
        return f"Node.js {components.release(components.NODE)}"

    def provide(self, variant: Variant, benchmark: Benchmark, _: Path, device: str) -> Both:
        server = variant.server
        return Both(
            python=environments.for_variant(variant, benchmark, device),
            node=node.ensure(server.name, server.folder),
        )

    def close(self) -> None:
        """Nothing is shared by its servers."""

    def launch(self, order: LaunchOrder) -> LaunchedProcess:
        return LaunchedProcess(order, HOST, partial(_kept, order))


def _kept(order: LaunchOrder, usual: KeptOrder) -> KeptOrder:
    """The order for its keeper: in a folder of its own, since the framework writes where it runs,
    and looks for its plug-in there."""
    both, program = order.provided, components.place(components.NODE)
    assert isinstance(both, Both)
    if program is None:
        raise LaunchError(f"{order.variant.name} can't be started: {node.why_not()}.")
    service = order.scratch / "service"
    service.mkdir()
    for path in order.variant.server.folder.iterdir():
        if path.is_file():
            shutil.copyfile(path, service / path.name)
    (service / "node_modules").symlink_to(both.node.modules)
    # The plug-in starts handlers with the `python` that it finds.
    programs = (str(both.python.bin), str(both.bin), str(program.parent), os.defpath)
    own = {"PATH": os.pathsep.join(programs), "HARNESS_MOST_INSTANCES": str(_most(order))}
    return replace(usual, cwd=str(service), environment={**usual.environment, **own})


def _most(order: LaunchOrder) -> int:
    function = order.variant.table.function or FunctionTable()
    return function.most_instances or len(order.cpus)
