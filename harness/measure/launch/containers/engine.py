"""The Docker engine: whether one answers, and what in it is this project's."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil

from harness.base import caches
from harness.base.errors import HarnessError, LaunchError
from harness.measure.launch.containers import places
from harness.measure.watch import gpu

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.networks import Network

LABEL = "org.serving-harness"  # on all that is created
OWNER = f"{LABEL}.owner"  # of a container: the process that made it
NETWORK = "serving-harness"


# Keys of the engine's facts; false where it would discard what a container is told.
_NEEDED = {"CPUSet": "CPUs of their own (cpuset)", "MemoryLimit": "a memory limit"}
_LACKS = {"SwapLimit": "a swap limit", "PidsLimit": "a limit of processes"}


class NoEngine(HarnessError):
    """No engine answers, and why."""


def connect() -> DockerClient:
    """The engine that DOCKER_HOST or the context in use names, or at a usual socket. Raises
    NoEngine."""
    from docker.errors import DockerException

    silent = []
    for where in places.candidates():
        try:
            return _client(where)
        # The SDK lets some errors of the connection through as they are.
        except (DockerException, OSError) as error:
            silent.append(f"{where} ({_innermost(error)})")
            last = error
    raise NoEngine(
        f"no Docker engine answers at {', '.join(silent)}; install one and start it, or let "
        "DOCKER_HOST name it"
    ) from last


def _client(where: str) -> DockerClient:
    import docker

    if where.startswith(places.UNIX):
        # The SDK would leave an unanswered socket open.
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(where.removeprefix(places.UNIX))
    return docker.from_env(environment={**os.environ, "DOCKER_HOST": where})


@contextmanager
def answering(doing: str, kind: type[HarnessError] = LaunchError) -> Iterator[None]:
    """Errors of the engine become a sentence: `doing` is what failed."""
    from docker.errors import APIError, DockerException
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError as error:
        raise kind(f"{doing}: the Docker engine says: {error.explanation or error}.") from error
    # The SDK lets errors of the connection through as they are.
    except (DockerException, RequestException, HTTPError, ConnectionError) as error:
        raise kind(f"{doing}: the Docker engine does not answer ({_innermost(error)}).") from error


def _innermost(error: BaseException) -> str:
    """The cause itself: what is around it repeats it, in more words each time."""
    while error.__context__ is not None:
        error = error.__context__
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def about(client: DockerClient) -> str:
    """The engine in a few words."""
    info = client.info()
    lacks = [what for key, what in _LACKS.items() if info.get(key) is False]
    without = f", without {' and '.join(lacks)}" if lacks else ""
    runtime = "NVIDIA's runtime" if has_nvidia(info) else "no NVIDIA runtime"
    return (
        f"engine {info['ServerVersion']}, cgroup v{info.get('CgroupVersion', '1')}, "
        f"{info['OperatingSystem']}, {runtime}{without}"
    )


def why_unlimited(client: DockerClient) -> str | None:
    """The limits that the engine would ignore with a mere warning, or None."""
    info = client.info()
    ignored = [what for key, what in _NEEDED.items() if info.get(key) is False]
    if not ignored:
        return None
    said = "; ".join(line.removeprefix("WARNING: ") for line in info.get("Warnings") or ())
    return (
        f"the Docker engine can't give containers {' or '.join(ignored)}, so that they would run "
        f"beside the generator ({said or 'its kernel or its rootless setup lacks that'})"
    )


def why_no_quota(client: DockerClient) -> str | None:
    """Why it can't give a container a share of a CPU, or None."""
    info = client.info()
    if info.get("CpuCfsQuota") is False or info.get("CpuCfsPeriod") is False:
        return (
            "the Docker engine can't give containers a quota of CPU time, so that an instance "
            "would have more of it than its memory size buys (its kernel or its rootless setup "
            "lacks that)"
        )
    return None


def why_no_gpu(client: DockerClient) -> str | None:
    """Why a container could not use a GPU, or None."""
    reason = gpu.why_not()
    if reason is None and not has_nvidia(client.info()):
        reason = (
            "the Docker engine has no NVIDIA runtime: install the package nvidia-container-toolkit "
            "and restart the engine"
        )
    return reason


def has_nvidia(info: dict[str, Any]) -> bool:
    """Whether containers can be given NVIDIA's devices."""
    devices = info.get("DiscoveredDevices") or ()
    return "nvidia" in info.get("Runtimes", {}) or any("nvidia" in str(d) for d in devices)


def owner() -> str:
    """This process, told from a later one with the same id."""
    return _identity(os.getpid()) or ""


def is_alive(owner: str) -> bool:
    """Whether that process is still there."""
    pid = owner.partition(":")[0]
    return pid.isdecimal() and _identity(int(pid)) == owner


def _identity(pid: int) -> str | None:
    try:
        return f"{pid}:{psutil.Process(pid).create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


def made_by(client: DockerClient, owner: str) -> list[Any]:
    """The containers of one process."""
    return _containers(client, f"{OWNER}={owner}")


def abandoned(client: DockerClient) -> Iterator[Any]:
    """This project's containers whose maker is gone."""
    for container in _containers(client, OWNER):
        if not is_alive(container.labels[OWNER]):
            yield container


def _containers(client: DockerClient, label: str) -> list[Any]:
    # Another process may remove one meanwhile.
    return list(client.containers.list(all=True, filters={"label": label}, ignore_removed=True))


def sweep(client: DockerClient) -> list[str]:
    """Remove what an earlier command left; the names."""
    names = []
    for container in abandoned(client):
        names.append(container.name)
        container.remove(force=True, v=True)
    return names


def clean(client: DockerClient, *, dry_run: bool) -> Iterator[str]:
    """Remove this project's abandoned containers, its images and networks; what each was.

    Those of a harness that is measuring now stay, with all that they use.
    """
    ours = {"label": LABEL}
    with answering("What this project has in the Docker engine can't be removed", HarnessError):
        for container in list(abandoned(client)):
            yield f"container {container.name}"
            if not dry_run:
                container.remove(force=True, v=True)
        used = {c.attrs["ImageID"] for c in client.containers.list(all=True, sparse=True)}
        for image in client.images.list(filters=ours):
            tagged = [tag for tag in image.tags if tag.startswith(f"{NETWORK}/")]
            if image.id in used or (image.tags and not tagged):
                continue
            yield f"image {', '.join(tagged) or image.short_id}"
            if not dry_run:
                _remove_image(client, tagged or [str(image.id)])
        for found in client.networks.list(filters=ours):
            found.reload()
            if not found.attrs["Containers"]:
                yield f"network {found.name}"
                if not dry_run:
                    found.remove()


def _remove_image(client: DockerClient, names: list[str]) -> None:
    from docker.errors import APIError, ImageNotFound

    for name in names:
        try:
            client.images.remove(name)
        except ImageNotFound:
            pass  # it went with one that was built on it
        except APIError as error:
            if error.status_code != 409:  # another image is built on it, and goes on its own
                raise


def network(client: DockerClient) -> tuple[Network, bool]:
    """(the private bridge that servers are on, whether this machine can reach them there).

    There is no way out of it, and none between servers. Where the bridge is not one of this
    machine's interfaces, as with an engine in a virtual machine or without root, it is another one
    with a way out, since ports can be published on no other.
    """
    private = _network(client, NETWORK, internal=True)
    if _is_here(private):
        return private, True
    return _network(client, f"{NETWORK}-published", internal=False), False


def _network(client: DockerClient, name: str, *, internal: bool) -> Network:
    """The one of the name, made where there is none.

    An engine lets several have one name, and then starts no container on any of them: so one
    command at a time looks, and what there is beside the oldest one is removed.
    """
    with caches.locked(caches.folder("locks") / "network.lock"):
        found = client.networks.list(filters={"label": LABEL})
        known = [n for n in found if n.name == name and n.attrs["Internal"] is internal]
        if known:
            first, *others = sorted(known, key=lambda each: str(each.attrs["Created"]))
            for other in others:
                other.remove()
            return first
        return client.networks.create(
            name,
            driver="bridge",
            internal=internal,
            labels={LABEL: "network"},
            options={
                "com.docker.network.bridge.enable_icc": "false",
                "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
            },
        )


def _is_here(found: Network) -> bool:
    """Whether the network's gateway is this machine."""
    found.reload()
    gateways = {config.get("Gateway") for config in found.attrs["IPAM"]["Config"] or ()}
    here = {a.address for addresses in psutil.net_if_addrs().values() for a in addresses}
    return bool(gateways & here)
