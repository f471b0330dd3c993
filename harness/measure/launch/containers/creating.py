"""Containers are created here alone: what the engine says of one, beside its id, is read.

The SDK drops it. An engine that can't do what it was told only warns, and goes on without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
_REFUSED = re.compile(r"cpuset|memory limit capabilities|image's platform", re.IGNORECASE)
_MOST = 20


def create(
    client: DockerClient, image: str, kind: type[HarnessError] = LaunchError, **options: Any
) -> tuple[Container, tuple[str, ...]]:
    """(the container, what the engine would not do as it was told).

    Raises an error of that kind, with nothing left of it, where it would not be what is to be
    measured.
    """
    with _heard(client) as said:
        container = client.containers.create(image, **options)
    refused = [line for line in said if _REFUSED.search(line)]
    if refused:
        container.remove(force=True, v=True)
        raise kind(
            f"A container of {image} would not run as it is measured; the Docker engine says: "
            f"{' '.join(refused)}"
        )
    return container, tuple(said)


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
