"""Nodes that new pods are kept from, for the time of an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from harness.measure.launch.kubernetes.campaign_namespace import is_abandoned
from harness.measure.launch.kubernetes.cluster import ApiError, Cluster

_BY = "serving-harness/cordoned-by"  # annotation: the process that did it
_NODES = "/api/v1/nodes"


def put(cluster: Cluster, node: str, owner: str, *, on: bool) -> None:
    """Keep new pods from a node, or no longer. Raises ApiError."""
    by = owner if on else None
    change = {"metadata": {"annotations": {_BY: by}}, "spec": {"unschedulable": on or None}}
    cluster.patch(f"{_NODES}/{quote(node)}", change)


def taken_off(cluster: Cluster, owner: str = "", *, dry_run: bool = False) -> Iterator[str]:
    """The nodes that an owner keeps new pods from, or else owners that are gone: no longer.
    Raises ApiError."""
    try:
        found = cluster.get(_NODES).get("items", ())
    except ApiError as error:
        if error.status == 403:  # who may not see nodes has not changed one
            return
        raise
    for node in found:
        by = node["metadata"].get("annotations", {}).get(_BY, "")
        if by and (by == owner if owner else is_abandoned(by)):
            name = str(node["metadata"]["name"])
            if not dry_run:
                put(cluster, name, by, on=False)
            yield name
