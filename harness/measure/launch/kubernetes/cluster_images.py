"""Ways in which a cluster gets the images that the Docker engine of this machine built."""

from __future__ import annotations

import logging
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.base import caches
from harness.base.errors import ProvisionError
from harness.measure.launch.containers.engine import answering
from harness.measure.launch.containers.images import REPOSITORY
from harness.measure.launch.kubernetes import node_runtime
from harness.measure.launch.kubernetes.nearness import is_this_kernel
from harness.measure.launch.kubernetes.node_runtime import NodeRuntime

if TYPE_CHECKING:
    from docker import DockerClient

_LOG = logging.getLogger(__name__)
_KIND = "kind-"  # how the names of contexts begin that kind makes
_DESKTOP = "docker-desktop"  # whose cluster has the engine's own images
_LIMIT_S = 1800
_SEEN_S = 30.0
_MANAGED = "io.cri-containerd.image=managed"
_SAID = 300
_SHORT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageWay:
    """How images get into a cluster."""

    about: str  # in a few words
    give: Callable[[DockerClient, str], str]  # the name that the image has in the cluster


def chosen(context: str, nodes: list[dict[str, Any]], registry: str) -> ImageWay | str:
    """The way into the cluster of a context, or why there is none."""
    if registry:
        return ImageWay(
            about=f"pushed to {registry}", give=lambda client, tag: pushed(client, tag, registry)
        )
    if context == _DESKTOP:
        return ImageWay(about="those of the engine itself", give=lambda _, tag: tag)
    if context.startswith(_KIND):
        kind = shutil.which("kind")
        if kind is None:
            return (
                f"the context {context!r} is one of kind's, whose program is not on the PATH, so "
                "that no image can be loaded there; install kind, or name a registry by --registry"
            )
        name = context.removeprefix(_KIND)
        return ImageWay(
            about="loaded by kind", give=lambda _, tag: _loaded_by_kind(kind, name, tag)
        )
    if nodes and all(map(is_this_kernel, nodes)) and (runtime := node_runtime.found()):
        return ImageWay(
            about="imported into containerd",
            give=lambda client, tag: _imported(client, runtime, tag),
        )
    return (
        f"the images of this machine can't get into the cluster of the context {context!r}: name "
        "a registry that its nodes pull from by --registry HOST/PREFIX"
    )


def cleaned(context: str, nodes: list[dict[str, Any]], *, dry_run: bool) -> Iterator[str]:
    """Remove this project's images from the containerd of this machine; what each was."""
    if context.startswith(_KIND) or not nodes or not all(map(is_this_kernel, nodes)):
        return
    runtime = node_runtime.found()
    if runtime is None:
        return
    for name in _listed(runtime):
        if f"/{REPOSITORY}/" in name:
            yield f"image {name} of the context {context}"
            if not dry_run:
                command = runtime.command("images", "rm", name)
                subprocess.run(command, capture_output=True, check=False, timeout=_SHORT_S)


def pushed(client: DockerClient, tag: str, registry: str) -> str:
    """Push an image; its name there. Raises ProvisionError."""
    name, version = _parts(tag)
    place = f"{registry.rstrip('/')}/{name}"
    whole = f"{place}:{version}"
    with answering(f"The image {tag} can't be pushed to {registry}", ProvisionError):
        client.images.get(tag).tag(place, version)
        for event in client.images.push(whole, stream=True, decode=True):
            if "error" in event:
                raise ProvisionError(
                    f"The image {tag} can't be pushed to {registry}: {event['error']}"
                )
    return whole


def _loaded_by_kind(kind: str, cluster: str, tag: str) -> str:
    _run([kind, "load", "docker-image", tag, "--name", cluster], tag)
    return tag


def _imported(client: DockerClient, runtime: NodeRuntime, tag: str) -> str:
    """An image of ours is named after its content; one of the user's may have changed."""
    lock = caches.folder("images") / f"{tag.replace('/', '-').replace(':', '-')}.cluster.lock"
    with caches.locked(lock):
        if tag.startswith(f"{REPOSITORY}/") and _is_there(runtime, tag):
            return tag
        _LOG.info("importing the image %s into the cluster", tag)
        _import(client, runtime, tag)
        until = time.monotonic() + _SEEN_S
        while not _is_there(runtime, tag):
            if time.monotonic() > until:
                raise ProvisionError(
                    f"The image {tag} was imported into {runtime.socket}, but the container "
                    "runtime does not list it."
                )
            time.sleep(0.1)
    return tag


def _import(client: DockerClient, runtime: NodeRuntime, tag: str) -> None:
    """As the engine tells it, without a file between."""
    command = runtime.command("images", "import", "-")
    with (
        answering(f"The image {tag} can't be read", ProvisionError),
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as program,
    ):
        assert program.stdin is not None
        assert program.stderr is not None
        with suppress(BrokenPipeError):  # its own words tell why
            for part in client.images.get(tag).save(named=tag):
                program.stdin.write(part)
            program.stdin.close()
        said = program.stderr.read().decode(errors="replace")
    if program.returncode:
        raise ProvisionError(
            f"The image {tag} can't be imported into the cluster: {' '.join(said.split())[-_SAID:]}"
        )


def _is_there(runtime: NodeRuntime, tag: str) -> bool:
    """Whether the kubelet can start it: its runtime marks what it has taken note of."""
    wanted = ":".join(_parts(tag))
    return any(f"/{name}".endswith(f"/{wanted}") for name in _listed(runtime))


def _parts(tag: str) -> tuple[str, str]:
    """(name, version) of an image; a registry's name may have a colon, too."""
    name, colon, version = tag.rpartition(":")
    return (name, version) if colon and "/" not in version else (tag, "latest")


def _listed(runtime: NodeRuntime) -> list[str]:
    """The images that it has taken note of."""
    command = runtime.command("images", "ls")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SHORT_S)
    return [line.split()[0] for line in done.stdout.splitlines() if _MANAGED in line]


def _run(command: list[str], tag: str) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=_LIMIT_S)
    except subprocess.CalledProcessError as error:
        said = " ".join(str(error.stderr or error.stdout).split())[-_SAID:]
        raise ProvisionError(f"The image {tag} can't be loaded into the cluster: {said}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProvisionError(
            f"The image {tag} can't be loaded into the cluster: {error}."
        ) from error
