"""The namespace of a campaign, and what in a cluster was left by commands that are gone."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness.base.errors import LaunchError
from harness.manifests import kinds, objects
from harness.manifests.workload import PART_OF
from harness.measure.launch.containers import engine
from harness.measure.launch.kubernetes import nearness
from harness.measure.launch.kubernetes.api_objects import ApiObjects
from harness.measure.launch.kubernetes.cluster import ApiError, Cluster, Json, answering

PREFIX = "serving-harness"
OURS = f"app.kubernetes.io/part-of={PART_OF}"
OWNER = "serving-harness/owner"  # annotation: the process that made it
OWNED = "serving-harness/owned-by"  # label: the same, as short as a label is
_NAMESPACES = "/api/v1/namespaces"
_PROCESSES = Path("/proc/self/ns/pid")  # process numbers mean something in one of these alone
# What may be left in a namespace that is not ours to delete; what owns others comes before them.
_KINDS = (
    ("batch/v1", "CronJob"),
    ("batch/v1beta1", "CronJob"),
    ("batch/v1", "Job"),
    ("apps/v1", "Deployment"),
    ("autoscaling/v1", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("policy/v1beta1", "PodDisruptionBudget"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"),
)


def owner() -> str:
    """This process, on this boot of this machine, in this namespace of processes."""
    return f"{_machine()}/{engine.owner()}"


def owned(of: str) -> str:
    """The label that all objects of an owner have."""
    return hashlib.sha256(of.encode()).hexdigest()[:16]


def _machine() -> str:
    with suppress(OSError):
        return f"{nearness.boot_id()}/{_PROCESSES.stat().st_ino}"
    return nearness.boot_id()


def is_abandoned(of: str) -> bool:
    """Whether an owner was a process of this machine, and is gone. Those of others can't be seen
    from here."""
    machine, _, process = of.rpartition("/")
    return machine == _machine() and not engine.is_alive(process)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignNamespace:
    """Where all that a command makes in a cluster is."""

    name: str
    is_own: bool  # made for this command alone, and deleted as a whole
    owner: str

    @property
    def labels(self) -> dict[str, str]:
        """Of all that is made in it, beside the usual ones."""
        return {OWNED: owned(self.owner)}

    def marked(self, made: Json) -> Json:
        """An object with what tells whose it is."""
        about = made["metadata"]
        notes = {**about.get("annotations", {}), OWNER: self.owner}
        labels = {**about.get("labels", {}), **self.labels}
        return {**made, "metadata": {**about, "annotations": notes, "labels": labels}}

    def make(self, cluster: Cluster) -> None:
        """Create it, where it is to be made. Raises LaunchError."""
        if not self.is_own:
            return
        given = {"app.kubernetes.io/part-of": PART_OF, "app.kubernetes.io/managed-by": PART_OF}
        made = objects.namespace(self.name, {**given, **self.labels}, {OWNER: self.owner})
        with answering(f"The namespace {self.name} can't be made"):
            cluster.post(_NAMESPACES, made)

    def remove(self, cluster: Cluster) -> None:
        """Remove all that was made in it, and itself where it was made. Raises ApiError."""
        if self.is_own:
            cluster.delete(f"{_NAMESPACES}/{quote(self.name)}")
            return
        for path in _left_in(ApiObjects(cluster), self.name, f"{OWNED}={owned(self.owner)}"):
            cluster.delete(path)


def chosen(cluster: Cluster, wanted: str, of: str) -> CampaignNamespace:
    """The namespace that is there already under the name that is wanted, else a new one whose name
    begins so. Raises LaunchError."""
    if wanted:
        with answering(f"The namespace {wanted} can't be looked up"):
            found = _found(cluster, wanted)
        if found is not None:
            if found.get("status", {}).get("phase") == "Terminating":
                raise LaunchError(
                    f"The namespace {wanted} is being deleted{why_stuck(found)}. Wait until it is "
                    "gone, or name another one by --namespace."
                )
            return CampaignNamespace(name=wanted, is_own=False, owner=of)
    name = f"{wanted or PREFIX}-{secrets.token_hex(4)}"
    return CampaignNamespace(name=name, is_own=True, owner=of)


def _found(cluster: Cluster, name: str) -> Json | None:
    try:
        return cluster.get(f"{_NAMESPACES}/{quote(name)}")
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def why_stuck(namespace: Json) -> str:
    """What keeps a namespace that is to go, in the cluster's words; empty where nothing does."""
    told = [
        str(each.get("message", "")).rstrip(".")
        for each in namespace.get("status", {}).get("conditions", ())
        if each.get("status") == "True" and each.get("type") != "NamespaceContentRemaining"
    ]
    return f" ({'; '.join(filter(None, told))})" if any(told) else ""


def sweep(cluster: Cluster, *, within: str = "", dry_run: bool = False) -> Iterator[str]:
    """Remove what commands of this machine left that are gone: namespaces, and objects in the one
    named; what each was. Raises ApiError."""
    for found in _ours(cluster):
        name = str(found["metadata"]["name"])
        if found.get("status", {}).get("phase") == "Terminating":
            continue
        if is_abandoned(_owner_of(found)):
            yield f"namespace {name} of the context {cluster.context}"
            if not dry_run:
                cluster.delete(f"{_NAMESPACES}/{quote(name)}")
    if within:
        for path in _left_in(ApiObjects(cluster), within, OURS, abandoned=True):
            yield f"{path.rpartition('/namespaces/')[2]} of the context {cluster.context}"
            if not dry_run:
                cluster.delete(path)


def others(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """(name, why it stays) of this project's namespaces that are not this machine's to remove, or
    that do not go. Raises ApiError."""
    for found in _ours(cluster):
        name, of = str(found["metadata"]["name"]), _owner_of(found)
        if found.get("status", {}).get("phase") == "Terminating":
            yield name, f"it is being deleted{why_stuck(found)}"
        elif of.rpartition("/")[0] != _machine():
            yield name, "it is of another machine, or of an earlier boot of this one"


def alive(cluster: Cluster) -> Iterator[str]:
    """The namespaces of commands that go on. Raises ApiError."""
    for found in _ours(cluster):
        if not is_abandoned(_owner_of(found)):
            yield str(found["metadata"]["name"])


def _ours(cluster: Cluster) -> list[Json]:
    """This project's namespaces; none where the context may not list them."""
    try:
        return list(cluster.get(_NAMESPACES, labelSelector=OURS).get("items", ()))
    except ApiError as error:
        if error.status == 403:
            return []
        raise


def _owner_of(found: Json) -> str:
    return str(found["metadata"].get("annotations", {}).get(OWNER, ""))


def _left_in(
    api: ApiObjects, namespace: str, selector: str, *, abandoned: bool = False
) -> Iterator[str]:
    """Where objects of this project are, by their labels; `abandoned`: whose owner is gone."""
    for version, kind in (*kinds.customs(), *_KINDS):
        if not api.has(version, kind):
            continue
        try:
            found = list(api.labelled(version, kind, namespace, selector))
        except ApiError as error:
            if error.status == 403:  # what may not be listed was not made either
                continue
            raise
        for each in found:
            if not abandoned or is_abandoned(_owner_of(each)):
                yield api.path_of(each, namespace)
