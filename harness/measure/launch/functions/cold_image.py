"""An image that is absent until an instance needs it: removed, and loaded again from a file.

It is the variant's, with all its layers made one, so that none of it stays for the sake of another
image. What that stands for: a machine that has to unpack the whole image first. Nothing is fetched
over a network, and services that fetch blocks as they are read unpack less.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import LaunchError
from harness.measure.launch.containers import creating
from harness.measure.launch.containers.engine import LABEL, OWNER, answering

if TYPE_CHECKING:
    from docker import DockerClient

_KEPT = ("Env", "User", "WorkingDir", "Cmd", "Entrypoint", "Labels")


class ColdImage:
    """Of one variant. Each method waits for the engine."""

    def __init__(self, client: DockerClient, image: str, file: Path, owner: str) -> None:
        """Make it, and the file that holds it. Raises LaunchError."""
        self._client, self._file = client, file
        self.tag = f"serving-harness/cold:{time.time_ns():x}"
        self._is_here = True
        with answering(f"The image {image} can't be made one that is loaded when it is needed"):
            self._flatten(image, owner)
            with file.open("wb") as kept:
                for chunk in client.images.get(self.tag).save(named=True):
                    kept.write(chunk)

    def _flatten(self, image: str, owner: str) -> None:
        labels = {LABEL: "look", OWNER: owner}
        container, _ = creating.create(
            self._client, image, LaunchError, labels=labels, command=["true"]
        )
        try:
            repository, _, tag = self.tag.rpartition(":")
            self._client.api.import_image_from_data(
                container.export(),
                repository=repository,
                tag=tag,
                changes=_changes(self._client.images.get(image).attrs["Config"]),
            )
        finally:
            container.remove(force=True)

    def remove(self) -> None:
        """Let it be absent; no container of it may be there. Raises LaunchError."""
        from docker.errors import ImageNotFound

        with answering(f"The image {self.tag} can't be removed"), suppress(ImageNotFound):
            self._client.images.remove(self.tag, force=True)
        self._is_here = False

    def load(self) -> None:
        """Have it on this machine. Raises LaunchError."""
        if not self._is_here:
            with answering(f"The image {self.tag} can't be loaded"), self._file.open("rb") as kept:
                self._client.images.load(kept)
            self._is_here = True

    def close(self) -> None:
        """Leave nothing of it."""
        self._file.unlink(missing_ok=True)
        self.remove()


def _changes(config: dict[str, Any]) -> list[str]:
    """What its containers are told, as lines of a Dockerfile."""
    found = {name: config.get(name) for name in _KEPT}
    lines = [f"ENV {_assigned(each)}" for each in found["Env"] or ()]
    lines += [
        f"LABEL {json.dumps(name)}={json.dumps(value)}"
        for name, value in (found["Labels"] or {}).items()
    ]
    if found["User"]:
        lines.append(f"USER {found['User']}")
    if found["WorkingDir"]:
        lines.append(f"WORKDIR {found['WorkingDir']}")
    if found["Entrypoint"]:
        lines.append(f"ENTRYPOINT {json.dumps(found['Entrypoint'])}")
    if found["Cmd"]:
        lines.append(f"CMD {json.dumps(found['Cmd'])}")
    return lines


def _assigned(text: str) -> str:
    name, _, value = text.partition("=")
    return f"{name}={json.dumps(value)}"
