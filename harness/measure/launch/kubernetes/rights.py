"""The rights that the launcher needs in a cluster, asked for before anything is made there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.measure.launch.kubernetes.cluster import Cluster

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Right:
    """A verb on a resource, `pods/exec` for what is below one."""

    verb: str
    resource: str
    group: str = ""

    def __str__(self) -> str:
        resource, slash, below = self.resource.partition("/")
        return f"{self.verb} {resource}{'.' if self.group else ''}{self.group}{slash}{below}"


OWN_NAMESPACE = (Right("create", "namespaces"), Right("delete", "namespaces"))
TO_SERVE = (
    Right("create", "deployments", "apps"),
    Right("patch", "deployments", "apps"),
    Right("delete", "deployments", "apps"),
    Right("create", "services"),
    Right("list", "pods"),
    Right("watch", "pods"),
    Right("delete", "pods"),
    Right("create", "pods/exec"),
    Right("get", "pods/log"),
    Right("list", "events"),
)


def missing(cluster: Cluster, namespace: str, wanted: Sequence[Right]) -> Iterator[Right]:
    """Those that the context does not have in a namespace; empty: in all. Raises ApiError."""
    for right in wanted:
        resource, _, below = right.resource.partition("/")
        asked = {
            "verb": right.verb,
            "group": right.group,
            "resource": resource,
            "subresource": below,
            "namespace": "" if right in OWN_NAMESPACE else namespace,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        if not cluster.post(_REVIEWS, review).get("status", {}).get("allowed"):
            yield right


def why_not(cluster: Cluster, namespace: str, wanted: Sequence[Right]) -> str | None:
    """What the context may not do although it must, or None. Raises ApiError."""
    lacks = list(map(str, missing(cluster, namespace, wanted)))
    if not lacks:
        return None
    where = f"in the namespace {namespace!r}" if namespace else "in namespaces of its own"
    return (
        f"the context {cluster.context!r} lacks rights that are needed {where}: "
        f"{', '.join(lacks)}; give them to its user by a Role or a ClusterRole"
    )
