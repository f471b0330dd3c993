"""The records of a server that ran in a container."""

from __future__ import annotations

from dataclasses import dataclass

from harness.stored.pods import PodFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """The image of a container."""

    tag: str  # named after its content
    id: str
    size_bytes: int
    base: str  # the image that it was built on
    build_s: float | None  # when it was built; None where this machine did not build it
    steps: int  # of its Dockerfile, all stages
    steps_reused: int  # whose layers were there already


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFacts:
    """How a container ran."""

    engine: str  # its version
    # "container": at its own address; "published": at a port of this machine; see also
    # harness.stored.pods.Reached
    reached: str
    memory_limit_bytes: int
    pids_limit: int
    memory_peak_bytes: int | None  # file cache included; None where the kernel does not tell
    throttled_s: float | None
    out_of_memory: int | None  # processes that the kernel killed for it
    warnings: tuple[str, ...] = ()  # of the engine: what it would not do as it was told
    pod: PodFacts | None = None  # where it ran in a cluster
