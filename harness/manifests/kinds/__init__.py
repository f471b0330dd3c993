"""Kinds of manifests: what deploys a workload. One registered class a file.

All but the plain Deployment are custom resources, which a framework's controller turns into pods.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.base.errors import UsageError, unknown
from harness.manifests import pod_template
from harness.manifests.apis import Manifest
from harness.manifests.workload import Workload

PLAIN = "deployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodScaling:
    """How many replicas there may be, and when there are more."""

    least: int = 1
    most: int = 5
    cpu_percent: int = 80  # of what pods request

    def at_once(self, workload: Workload) -> float:
        """The requests in a replica that keep it as busy, for what scales by those.

        As many as a queue with one server and equal service times (M/D/1) holds on average; so many
        times that as the replica predicts at once.
        """
        busy = min(self.cpu_percent, 95) / 100
        table = workload.table
        batch = table.batching.max_size if table and table.batching else 1
        workers = table.workers if table else 1
        return round(workers * batch * (busy + busy**2 / (2 * (1 - busy))), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOrder:
    """What a kind needs to know that builds from this project's files instead of an image."""

    server: str  # its folder's name
    benchmark: str
    serving: tuple[str, ...] = ()  # requirements of the server with the predictor
    training: tuple[str, ...] = ()  # those of the benchmark's build
    weights: bool = False  # whether the build starts from weights that it is given


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestOrder:
    """What is to be deployed, and how."""

    workload: Workload
    source: SourceOrder | None = None  # None: an image of the user's
    namespace: str = ""  # empty: the one that is current where the manifest is applied
    scaling: PodScaling | None = None  # None: as many replicas as the workload has
    mode: str = ""  # of those of the kind; empty: its first

    @property
    def name(self) -> str:
        """Of the workload, and of the object."""
        return self.workload.name

    @property
    def least(self) -> int:
        """How many replicas there are at least."""
        return self.scaling.least if self.scaling else self.workload.replicas

    @property
    def most(self) -> int:
        """How many there are at most."""
        return self.scaling.most if self.scaling else self.workload.replicas

    @property
    def speaks(self) -> str:
        """The name of its protocol, without what follows a colon; empty: not known."""
        return self.workload.table.protocol.partition(":")[0] if self.workload.table else ""

    @property
    def rpc(self) -> bool:
        """Whether that is gRPC."""
        return self.speaks.endswith("-grpc")

    def about(self, annotations: Mapping[str, str] | None = None) -> Manifest:
        """The metadata of an object that belongs to it."""
        made: Manifest = {"name": self.name, "labels": pod_template.labels(self.workload)}
        if self.namespace:
            made["namespace"] = self.namespace
        if annotations:
            made["annotations"] = dict(annotations)
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomKind:
    """The custom resource that a framework's controller waits for."""

    version: str  # with its group
    kind: str
    controller: str  # who acts on it, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlace:
    """A Service that leads to what a controller deployed."""

    name: str
    port: int
    pod_port: int  # the same in its pods, for a Service without an address


class ManifestKind(ABC):
    """Manifests of one kind."""

    about: ClassVar[str]  # what it makes, in words
    custom: ClassVar[CustomKind | None] = None  # None: kinds that every cluster has
    modes: ClassVar[tuple[str, ...]] = ()  # ways to deploy it, the usual one first

    def mode_of(self, order: ManifestOrder) -> str:
        """The mode that is asked for. Raises UsageError for one that it does not have."""
        if not order.mode:
            return self.modes[0] if self.modes else ""
        if order.mode not in self.modes:
            if not self.modes:
                raise UsageError(f"There is one mode of it alone, so {order.mode!r} is none.")
            raise unknown("mode", order.mode, self.modes)
        return order.mode

    def why_not(self, order: ManifestOrder) -> str | None:  # noqa: ARG002
        """Why it can't deploy that workload, or None."""
        return None

    @abstractmethod
    def manifests(self, order: ManifestOrder) -> list[Manifest]:
        """The objects that one would apply, in their order."""

    def notes(self, order: ManifestOrder) -> tuple[str, ...]:  # noqa: ARG002
        """What whoever applies them must know, a line each."""
        return ()

    def container(self, order: ManifestOrder) -> str:
        """The name of the server's container in its pods."""
        return order.name

    def places(self, order: ManifestOrder) -> tuple[ServicePlace, ...]:
        """The Services that lead to it once it is ready, the one to use first."""
        port = order.workload.port
        return (ServicePlace(name=order.name, port=port, pod_port=port),)

    def ready_path(self, order: ManifestOrder) -> str:  # noqa: ARG002
        """Where those Services say that it is ready; empty: where the server itself does."""
        return ""

    def readiness(self, status: Mapping[str, Any]) -> tuple[bool, str]:
        """(whether a custom resource with that status serves, what it says that it lacks)."""
        return ready_by("Ready", status)


def ready_by(condition: str, status: Mapping[str, Any]) -> tuple[bool, str]:
    """The same for a status with conditions, of which one says it."""
    found: Sequence[Mapping[str, Any]] = status.get("conditions") or ()
    for each in found:
        if each.get("type") == condition:
            told = ": ".join(filter(None, [each.get("reason", ""), each.get("message", "")]))
            return each.get("status") == "True", told
    return False, ""


KINDS: dict[str, ManifestKind] = {}


def manifest_kind(name: str) -> Callable[[type[ManifestKind]], type[ManifestKind]]:
    """Register a kind under the name that `--kind` and `--via` take."""

    def register(cls: type[ManifestKind]) -> type[ManifestKind]:
        KINDS[name] = cls()
        return cls

    return register


def registered() -> dict[str, ManifestKind]:
    """Every kind by name, the plain one first."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return dict(sorted(KINDS.items(), key=lambda item: (item[0] != PLAIN, item[0])))


def named(name: str) -> ManifestKind:
    """The kind of that name. Raises UsageError."""
    known = registered()
    if name not in known:
        raise unknown("kind of manifest", name, known)
    return known[name]


def deployable() -> tuple[str, ...]:
    """The kinds that a controller in a cluster acts on."""
    return tuple(name for name, kind in registered().items() if kind.custom is not None)


def customs() -> tuple[tuple[str, str], ...]:
    """(version, kind) of the custom resources that those wait for."""
    found = [kind.custom for kind in registered().values() if kind.custom is not None]
    return tuple((each.version, each.kind) for each in found)


def checked(name: str, order: ManifestOrder) -> list[Manifest]:
    """The manifests of a kind. Raises UsageError where it can't deploy the workload."""
    kind = named(name)
    kind.mode_of(order)
    if reason := kind.why_not(order):
        raise UsageError(f"{order.name} can't be deployed as {name}: {reason}.")
    return kind.manifests(order)
