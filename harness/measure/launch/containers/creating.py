"""Containers are created here alone: what the engine says of one, beside its id, is read.

The SDK drops it. An engine that can't do what it was told only warns, and goes on without.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.base.errors import HarnessError, LaunchError
from harness.windows.causes import printable

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from requests import Response

_CREATES = re.compile(r"/containers/create(\?|$)")
# CPUs, memory, and a machine of another kind, which would be emulated: no number would hold.
_REFUSED = re.compile(
    r"cpuset|CPU (CFS|period|quota)|memory limit capabilities|image's platform", re.IGNORECASE
)
_MOST = 20


def create(
    client: DockerClient, image: str, kind: type[HarnessError] = LaunchError, **options: Any
) -> tuple[Container, tuple[str, ...]]:
    """(the container, what the engine would not do as it was told).

    Raises an error of that kind, with nothing left of it, where it would not be what is to be
    measured.
    """
    with _heard(client) as said, _named(str(options.get("name", "")), kind):
        container = client.containers.create(image, **options)
    refused = [line for line in said if _REFUSED.search(line)]
    if refused:
        container.remove(force=True, v=True)
        raise kind(
            f"A container of {image} would not run as it is measured; the Docker engine says: "
            f"{' '.join(refused)}"
        )
    return container, tuple(said)


def published(ports: Iterable[int]) -> dict[str, tuple[str, None]]:
    """Free ports of loopback that lead to those in a container."""
    return {f"{port}/tcp": ("127.0.0.1", None) for port in ports}


@contextmanager
def _named(name: str, kind: type[HarnessError]) -> Iterator[None]:
    """A name that is taken is told."""
    from docker.errors import APIError

    try:
        yield
    except APIError as error:
        if error.status_code != 409 or not name:
            raise
        raise kind(
            f"A container that is not this harness's has the name {name}, or another harness is "
            f"measuring. Remove it: docker rm --force {name}"
        ) from error


@contextmanager
def _heard(client: DockerClient) -> Iterator[list[str]]:
    said: list[str] = []

    def hear(response: Response, **_: Any) -> None:
        if response.ok and _CREATES.search(response.request.path_url):
            found = response.json().get("Warnings") or ()
            said.extend(printable(str(line).removeprefix("WARNING: ")) for line in found[:_MOST])

    client.api.hooks["response"].append(hear)
    try:
        yield said
    finally:
        client.api.hooks["response"].remove(hear)
