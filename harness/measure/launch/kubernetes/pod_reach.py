"""Where this machine reaches pods: at their Service's address, at a port of a node, or directly."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from harness.base.errors import UsageError
from harness.measure.launch.kubernetes.cluster import ApiError, Cluster, Json
from harness.measure.launch.kubernetes.nearness import is_near, is_this_kernel
from harness.stored.pods import Reached

Reach = Literal["service", "node-port", "pod"]
SERVICE: Reach = "service"
NODE_PORT: Reach = "node-port"
POD: Reach = "pod"
_WORDS: Mapping[Reach, Reached] = {SERVICE: "service", NODE_PORT: "node port", POD: "pod"}
_TRY_S = 0.5
_LOOPBACK = "127.0.0.1"
_NODE_ADDRESSES = ("InternalIP", "ExternalIP")


@dataclass(frozen=True, slots=True, kw_only=True)
class PodAddress:
    """Where the load goes."""

    reached: Reached
    host: str
    ports: Mapping[str, int]  # by the names that they have in the cluster

    @property
    def is_exposed(self) -> bool:
        """Whether other machines could reach it, too."""
        return self.reached == "node port" and not is_near(self.host)


def parsed(text: str) -> Reach | None:
    """The way that `--reach` names; None for an empty text. Raises UsageError."""
    for known in get_args(Reach):
        if text == known:
            return SERVICE if text == SERVICE else NODE_PORT if text == NODE_PORT else POD
    if text:
        raise UsageError(f"--reach takes {', '.join(get_args(Reach))}, and not {text!r}.")
    return None


class PodReach:
    """The ways into one cluster."""

    def __init__(self, cluster: Cluster, nodes: list[Json], forced: Reach | None) -> None:
        self._cluster = cluster
        self._nodes = nodes
        self.forced = forced

    @property
    def takes_node_port(self) -> bool:
        """Whether a Service needs a port of the nodes."""
        if self.forced is not None:
            return self.forced == NODE_PORT
        return not self._reaches_services

    def found(self, service: Json, pods: list[Json], *, patient: bool) -> PodAddress | None:
        """The first address of pods that are ready that takes a connection; None: none does.

        `patient`: of the likeliest way alone, since rules of Services follow pods a moment later.
        """
        likeliest = ""
        for reached, host, ports in self.candidates(service, pods):
            likeliest = likeliest or reached
            if patient and reached != likeliest:
                return None
            if _connects(host, next(iter(ports.values()))):
                return PodAddress(reached=_WORDS[reached], host=host, ports=ports)
        return None

    def candidates(
        self, service: Json, pods: list[Json]
    ) -> Iterator[tuple[Reach, str, dict[str, int]]]:
        """(way, host, ports) of a Service and its pods, the likeliest first."""
        spec = service["spec"]
        named = {str(each["name"]): each for each in spec["ports"]}
        ports = {name: int(each["port"]) for name, each in named.items()}
        address = spec.get("clusterIP", "")
        if self.forced == SERVICE or (self.forced is None and self._reaches_services):
            yield SERVICE, address, ports
        if self.forced in (None, NODE_PORT) and spec.get("type") == "NodePort":
            outside = {name: int(each["nodePort"]) for name, each in named.items()}
            for host in self._hosts():
                yield NODE_PORT, host, outside
        if self.forced == POD or (self.forced is None and len(pods) == 1):
            for pod in pods[:1]:
                if host := pod.get("status", {}).get("podIP", ""):
                    yield POD, host, ports

    @cached_property
    def _reaches_services(self) -> bool:
        """Whether this machine is led to the addresses of Services: every cluster has one."""
        with suppress(ApiError, KeyError, LookupError):
            spec = self._cluster.get("/api/v1/namespaces/default/services/kubernetes")["spec"]
            return _connects(spec["clusterIP"], int(spec["ports"][0]["port"]))
        return False

    def _hosts(self) -> Iterator[str]:
        """Addresses of nodes; loopback first where one is this machine."""
        if any(map(is_this_kernel, self._nodes)):
            yield _LOOPBACK
        for node in self._nodes:
            for each in node.get("status", {}).get("addresses") or ():
                if each["type"] in _NODE_ADDRESSES:
                    yield str(each["address"])


def _connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), _TRY_S).close()
    except (OSError, ValueError):
        return False
    return True
