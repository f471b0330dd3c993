"""Objects of a cluster by their plain data: where each lives, and which kinds the cluster has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from harness.base.errors import LaunchError
from harness.manifests import apis
from harness.measure.launch.kubernetes.cluster import ApiError, Cluster, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    plural: str
    namespaced: bool


class ApiObjects:
    """Creates, finds and removes objects of any kind. Raises ApiError, and LaunchError for a kind
    that the cluster does not have."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._kinds: dict[str, dict[str, _Place]] = {}
        self._eviction = apis.VERSIONS["Eviction"][0]

    @cached_property
    def versions(self) -> frozenset[str]:
        """The groups with their versions that the cluster offers, such as `apps/v1`."""
        groups = self.cluster.get("/apis").get("groups", ())
        return frozenset(
            ["v1", *(str(v["groupVersion"]) for group in groups for v in group["versions"])]
        )

    @cached_property
    def offered(self) -> Mapping[str, frozenset[str]]:
        """The kinds that it offers, by group and version, of all that manifests may choose from."""
        wanted = {version for versions in apis.VERSIONS.values() for version in versions}
        wanted |= {"v1", "apps/v1", "batch/v1", "rbac.authorization.k8s.io/v1"}
        return {each: frozenset(self._of(each)) for each in sorted(wanted & self.versions)}

    def has(self, version: str, kind: str) -> bool:
        """Whether the cluster has a kind, also one of a controller that was installed there."""
        return version in self.versions and kind in self._of(version)

    def path(self, version: str, kind: str, namespace: str, name: str = "") -> str:
        """Where objects of a kind are, or the one of the name."""
        found = self._of(version).get(kind) if version in self.versions else None
        if found is None:
            raise LaunchError(f"This cluster offers no {kind} of {version}.")
        within = f"/namespaces/{quote(namespace)}" if found.namespaced else ""
        tail = f"/{quote(name)}" if name else ""
        return f"{_root(version)}{within}/{found.plural}{tail}"

    def path_of(self, made: Json, namespace: str) -> str:
        """Where an object is, or would be."""
        return self.path(made["apiVersion"], made["kind"], namespace, made["metadata"]["name"])

    def create(self, made: Json, namespace: str) -> Json:
        """Create an object in the version that it names."""
        place = self.path(made["apiVersion"], made["kind"], namespace)
        return self.cluster.post(place, made)

    def fitted(self, made: Json) -> Json:
        """The same object in the newest version of its kind that the cluster has."""
        if made["kind"] in apis.VERSIONS:
            return apis.fitting(made, self.offered)
        return made

    def labelled(self, version: str, kind: str, namespace: str, selector: str) -> Iterator[Json]:
        """The objects of a kind with these labels."""
        found = self.cluster.get(self.path(version, kind, namespace), labelSelector=selector)
        for each in found.get("items", ()):
            yield {**each, "apiVersion": version, "kind": kind}

    @property
    def eviction(self) -> str:
        """The version of an Eviction, which is a part of pods and no kind by itself."""
        self._of("v1")
        return self._eviction

    def _of(self, version: str) -> dict[str, _Place]:
        if version not in self._kinds:
            found = self.cluster.get(_root(version)).get("resources", ())
            for each in found:
                if each["name"] == "pods/eviction" and each.get("version"):
                    self._eviction = f"{each.get('group')}/{each['version']}"
            self._kinds[version] = {
                str(each["kind"]): _Place(
                    plural=str(each["name"]), namespaced=bool(each["namespaced"])
                )
                for each in found
                if "/" not in each["name"]
            }
        return self._kinds[version]


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def is_missing(error: ApiError) -> bool:
    """Whether what was asked for is not there."""
    return error.status == 404
