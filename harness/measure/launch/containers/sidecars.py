"""The containers beside a server: one for each component, on the same private network.

A component shares the address of the server's container, so that it is reached at loopback there,
and by nobody else. The engine starts it again when it dies; its files are in a volume, which stays
then.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from harness.base import caches, paths
from harness.base.errors import ProvisionError
from harness.measure.launch.containers import cgroup, creating, images
from harness.measure.launch.containers.context import Context
from harness.measure.launch.containers.engine import LABEL, OWNER, answering
from harness.measure.launch.containers.groups import Lasting
from harness.measure.launch.containers.options import MIB, name_of
from harness.measure.launch.launchers import LaunchOrder
from harness.setup.catalog import Server, Variant
from harness.setup.components import COMPONENTS
from harness.stored.container import ImageFacts

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_PIDS = 64
_LOG_LINES = 1000
RESTART = "on-failure"  # whoever tells it to end means that, and so does a restart of the engine


def ensure(client: DockerClient, variant: Variant) -> Mapping[str, ImageFacts]:
    """The images of a variant's components by name, built if need be. Raises ProvisionError."""
    return {name: _image(client, name) for name in variant.table.components}


def _image(client: DockerClient, name: str) -> ImageFacts:
    dockerfile = Server.component(name)
    base = paths.variable("HARNESS_BASE_IMAGE") or images.BASE
    made = Context({"Dockerfile": dockerfile})
    tag = f"{images.REPOSITORY}/{name}:{made.digest(images.base_id(client, base))}"
    lock = caches.folder("images") / f"{tag.rpartition('/')[2].replace(':', '-')}.lock"
    built: dict[str, Any] = images.UNKNOWN
    with (
        caches.locked(lock),
        answering(f"The image {tag} can't be had", ProvisionError),
    ):
        if images.find(client, tag) is None:
            file = os.path.relpath(dockerfile, paths.PROJECT)
            what = f"The image of {COMPONENTS[name].program}"
            built = images.build(client, tag, made, {"BASE": base}, what, file)
        image = client.images.get(tag)
        size = image.attrs["Size"]
    return ImageFacts(tag=tag, id=str(image.id), size_bytes=size, base=base, **built)


def options(order: LaunchOrder, name: str, owner: str) -> dict[str, Any]:
    """The arguments of the SDK's `containers.create`, all but the network: the container has no
    rights, and can write to nothing but its volume, which goes with it."""
    limit = COMPONENTS[name].memory_mib * MIB
    return {
        "name": f"{name_of(order.variant.name)}-{name}",
        "labels": {LABEL: "sidecar", OWNER: owner},
        "init": True,
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "cpuset_cpus": ",".join(map(str, order.cpus)),
        "mem_limit": limit,
        "memswap_limit": limit,
        "pids_limit": _PIDS,
        "restart_policy": {"Name": RESTART},
        "log_config": {"type": "json-file", "config": {"max-size": "16m"}},
    }


class Sidecar:
    """A component of a server that runs, in a container of its own."""

    def __init__(
        self, client: DockerClient, order: LaunchOrder, owner: str, name: str, server: Container
    ) -> None:
        assert isinstance(order.provided, images.Image)
        self.name, self.limit_mib = name, COMPONENTS[name].memory_mib
        image, made = order.provided.beside[name].tag, options(order, name, owner)
        self._container, self.warnings = creating.create(
            client, image, network_mode=f"container:{server.id}", **made
        )
        try:
            self._container.start()
            self._container.reload()
        except BaseException:
            self.remove()
            raise
        found = cgroup.of_process(self._container.attrs["State"]["Pid"])
        self.group = None if found is None else Lasting(found)

    def log(self) -> bytes:
        """Its output, and how often the engine had to start it again."""
        self._container.reload()
        again = self._container.attrs["RestartCount"]
        head = f"-- {self.name}, in a container of its own, started again {again} times:\n"
        return head.encode() + bytes(self._container.logs(tail=_LOG_LINES))

    def remove(self) -> None:
        """End it, with all that it kept."""
        self._container.remove(force=True, v=True)


def started(
    client: DockerClient, order: LaunchOrder, owner: str, server: Container
) -> list[Sidecar]:
    """All that the variant has beside itself; none where its own container has ended already, which
    the readiness probe finds out. Raises LaunchError or an error of the SDK."""
    made: list[Sidecar] = []
    try:
        for name in order.variant.table.components:
            made.append(Sidecar(client, order, owner, name, server))
    except BaseException:
        for sidecar in made:
            sidecar.remove()
        with suppress(Exception):
            server.reload()
            if server.status not in ("created", "running"):
                return []
        raise
    return made
