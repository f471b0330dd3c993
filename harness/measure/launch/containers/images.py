"""Images of variants: named after their content, built once."""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from harness.base import caches, paths, reading
from harness.base.errors import ProvisionError, ResultError
from harness.measure.launch.containers import archives, context, creating
from harness.measure.launch.containers.context import Context
from harness.measure.launch.containers.engine import LABEL, OWNER, answering, owner
from harness.measure.prepare import environments
from harness.setup.catalog import Benchmark, Variant
from harness.stored.container import ImageFacts
from harness.stored.lifecycle import Installed

if TYPE_CHECKING:
    from docker import DockerClient

_LOG = logging.getLogger(__name__)
REPOSITORY = "serving-harness"
BASE = "python:3.11-slim-bookworm"
_BUILD_LIMIT_S = 3600
_TAIL = 600
UNKNOWN: dict[str, Any] = {"build_s": None, "steps": 0, "steps_reused": 0}
_NOTE = PurePosixPath("/opt/venv/versions.json")
_FULL = "no space left on device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A variant's image, and what is installed in it."""

    facts: ImageFacts
    versions: Mapping[str, str]  # read back from the build
    bin: Path = Path("/opt/venv/bin")
    installed: Installed | None = None  # its facts have that
    beside: Mapping[str, ImageFacts] = field(default_factory=dict)  # of its components

    def version_of(self, package: str | None) -> str | None:
        """The installed version of a distribution."""
        if package is None:
            return None
        names = {environments.canonical(name): version for name, version in self.versions.items()}
        return names.get(environments.canonical(package))


def ensure(
    client: DockerClient,
    variant: Variant,
    benchmark: Benchmark,
    artefact: Path,
    device: str = "cpu",
) -> Image:
    """The image of a variant for a device, a benchmark's model in it, built if need be.

    Raises ProvisionError where it can't be built, or what it is built on can't be had.
    """
    made = context.of(variant, benchmark, artefact, device)
    base = base_of(variant)
    arguments = {"BASE": base, "SERVER": variant.server.name, "BENCHMARK": benchmark.name}
    digest = made.digest(base_id(client, base), *arguments.values())
    name = name_of(variant, benchmark, device)
    tag = f"{REPOSITORY}/{name}:{digest}"
    kept = caches.folder("images") / f"{name}-{digest}.json"
    with (
        caches.locked(Path(f"{kept}.lock")),
        answering(f"The image {tag} can't be had", ProvisionError),
    ):
        if find(client, tag) is None:
            file = os.path.relpath(variant.server.dockerfile, paths.PROJECT)
            built = build(client, tag, made, arguments, f"The image of {variant.name}", file)
        else:
            built = UNKNOWN
        image = client.images.get(tag)
        known = _kept(kept)
        if built is not UNKNOWN or known.get("id") != image.id:
            known = {"id": image.id, "built": built, "versions": _versions(client, tag)}
            with suppress(OSError):  # it would be told as of an image from elsewhere
                kept.write_text(json.dumps(known))
        facts = ImageFacts(
            tag=tag, id=str(image.id), size_bytes=image.attrs["Size"], base=base, **known["built"]
        )
        return Image(facts=facts, versions=known["versions"])


def name_of(variant: Variant, benchmark: Benchmark, device: str) -> str:
    """The name of its image, without the repository and the digest."""
    kind = variant.table.backend if device == "cpu" else f"{variant.table.backend}-{device}"
    return f"{variant.server.name}-{kind}-{benchmark.name}".strip("_")


def as_it_stands(client: DockerClient, name: str) -> Image:
    """An image of the user's, pulled if need be. Raises ProvisionError."""
    with answering(f"The image {name} is not on this machine and can't be pulled", ProvisionError):
        if find(client, name) is None:
            _LOG.info("pulling the image %s", name)
            client.images.pull(name)
        found = client.images.get(name)
    facts = ImageFacts(
        tag=name,
        id=str(found.id),
        size_bytes=found.attrs["Size"],
        base=name,
        build_s=None,
        steps=0,
        steps_reused=0,
    )
    return Image(facts=facts, versions={})


def _kept(path: Path) -> dict[str, Any]:
    """The facts about an image from the time when this machine built or first saw it."""
    with suppress(ResultError):
        found = reading.parsed(path)
        if isinstance(found, dict) and found.keys() >= {"id", "built", "versions"}:
            return found
    return {}


def base_of(variant: Variant) -> str:
    """The base image: the framework's own, if the server requires that."""
    return variant.server.table.image or paths.variable("HARNESS_BASE_IMAGE") or BASE


def base_id(client: DockerClient, base: str) -> str:
    """What a base image is, pulled if need be. Raises ProvisionError."""
    found = find(client, base)
    if found is None:
        with answering(
            f"The base image {base} is not on this machine and can't be pulled. Load one "
            "(`docker load`), and name it by HARNESS_BASE_IMAGE",
            ProvisionError,
        ):
            found = client.images.pull(base).id
    return str(found)


def find(client: DockerClient, tag: str) -> str | None:
    """The id of an image that is on this machine, or None. Raises ProvisionError."""
    from docker.errors import ImageNotFound

    with answering(f"The image {tag} can't be looked up", ProvisionError):
        try:
            return str(client.images.get(tag).id)
        except ImageNotFound:
            return None


def build(
    client: DockerClient,
    tag: str,
    made: Context,
    arguments: dict[str, str],
    what: str,
    file: str,
) -> dict[str, Any]:
    """Build an image; what is known of the build. Raises ProvisionError."""
    began = time.monotonic()
    log: list[str] = []
    _LOG.info("building the image %s", tag)
    with tempfile.TemporaryFile() as archive, answering(f"{what} can't be built", ProvisionError):
        _put_together(made, archive, what)
        events = client.api.build(
            fileobj=archive,
            custom_context=True,
            tag=tag,
            buildargs=arguments,
            labels={LABEL: "image"},
            rm=True,
            forcerm=True,
            decode=True,
            timeout=_BUILD_LIMIT_S,
        )
        error = _follow(events, log)
    if error is not None:
        raise ProvisionError(failure(what, file, _text(made.files["Dockerfile"]), log, error))
    seconds = round(time.monotonic() - began, 3)
    reused = sum("Using cache" in line for line in log)
    return {"build_s": seconds, "steps": _steps(log), "steps_reused": reused}


def _put_together(made: Context, archive: IO[bytes], what: str) -> None:
    try:
        made.write(archive)
    except OSError as error:
        raise ProvisionError(
            f"{what} can't be built: its files can't be put together in {tempfile.gettempdir()} "
            f"({error.strerror or error})."
        ) from error
    archive.seek(0)


_STEP = re.compile(r"Step (\d+)/(\d+) : ")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_OF_BUILDER = re.compile(r" ---> |Removing intermediate container ")


def _steps(log: list[str]) -> int:
    """How many steps make a layer: all but FROM, and what stands before the first."""
    said = [line.partition(" : ")[2].split()[0] for line in log if _STEP.match(line)]
    first = said.index("FROM") if "FROM" in said else 0
    return sum(word != "FROM" for word in said[first:])


def _follow(events: Iterable[dict[str, Any]], log: list[str]) -> str | None:
    """Collect what a build says; its error, if it ends with one."""
    for event in events:
        if "error" in event:
            return str(event["error"])
        log += _COLOUR.sub("", str(event.get("stream", ""))).splitlines()
    return None


def failure(what: str, file: str, dockerfile: str, log: list[str], error: str) -> str:
    """A failed build in a sentence: which line of the Dockerfile, and the end of the log."""
    if any(_FULL in line.lower() for line in (error, *log[-20:])):
        return (
            f"{what} can't be built: the disk on which the Docker engine keeps its images is full. "
            "Free some space: `python -m harness clean` removes this project's own images."
        )
    places = [place for place, line in enumerate(log) if _STEP.match(line)]
    if not places:
        return f"{what} can't be built from {file}: {error}"
    number = int(_STEP.match(log[places[-1]])[1])  # type: ignore[index]
    line, instruction = _instruction(dockerfile, number)
    lines = [line for line in log[places[-1] + 1 :] if not _OF_BUILDER.match(line)]
    said = " ".join(" ".join(lines).split())[-_TAIL:]
    return (
        f"{what} can't be built: {file}, line {line} ({instruction}): {error} "
        f"The end of its log: {said}"
    )


def _instruction(dockerfile: str, number: int) -> tuple[int, str]:
    """(line, beginning) of the instruction of that number; both count from 1."""
    import io

    from dockerfile_parse import DockerfileParser

    parsed = DockerfileParser(fileobj=io.BytesIO(dockerfile.encode())).structure
    found = [entry for entry in parsed if entry["instruction"] != "COMMENT"][number - 1]
    return found["startline"] + 1, found["content"].splitlines()[0].strip(" \\")[:80]


def _text(content: Path | bytes) -> str:
    return (content if isinstance(content, bytes) else content.read_bytes()).decode()


def _versions(client: DockerClient, tag: str) -> dict[str, str]:
    """The versions that the build noted; empty for an image without an environment. Raises
    ProvisionError if the note is malformed."""
    from docker.errors import NotFound

    labels = {LABEL: "look", OWNER: owner()}
    container, _ = creating.create(client, tag, ProvisionError, labels=labels, command=["true"])
    try:
        chunks, _ = container.get_archive(str(_NOTE))
        found = json.loads(archives.only_file(chunks, _NOTE.name))
    except NotFound:
        return {}
    except (ValueError, RecursionError) as error:
        raise ProvisionError(f"{_NOTE} in the image {tag} is not a list of versions.") from error
    finally:
        container.remove(force=True)
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise ProvisionError(f"{_NOTE} in the image {tag} is not a list of versions.")
    return found
