"""Ways to a cluster that a test can spoil: fewer rights, and a connection that it cuts."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from kubernetes import client

_CHUNK = 1 << 16


def usual() -> dict[str, Any]:
    """The kubeconfig of the tests' cluster."""
    found = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    assert isinstance(found, dict)
    return found


def server() -> tuple[str, int]:
    """Where its API server is."""
    place = urlsplit(usual()["clusters"][0]["cluster"]["server"])
    assert place.hostname is not None
    return place.hostname, place.port or 443


def kubeconfig(path: Path, *, address: str = "", token: str = "") -> Path:
    """The same by another address, or for another user."""
    made = usual()
    told = made["clusters"][0]["cluster"]
    if address:
        told["tls-server-name"], told["server"] = server()[0], address
    if token:
        made["users"][0]["user"] = {"token": token}
    path.write_text(yaml.safe_dump(made))
    return path


def token_of(core: Any, namespace: str, rules: list[dict[str, Any]]) -> str:
    """A new user's, who has these rights in the whole cluster; they go with `forget`."""
    about = {"metadata": {"name": namespace}}
    account = {"kind": "ServiceAccount", "name": namespace, "namespace": namespace}
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "ClusterRole", "name": namespace}
    rbac = client.RbacAuthorizationV1Api(core.api_client)
    core.create_namespaced_service_account(namespace, about)
    rbac.create_cluster_role({**about, "rules": rules})
    rbac.create_cluster_role_binding({**about, "roleRef": role, "subjects": [account]})
    asked = {"spec": {"expirationSeconds": 3600}}
    made = core.create_namespaced_service_account_token(namespace, namespace, asked)
    return str(made.status.token)


def forget(core: Any, namespace: str) -> None:
    """Take such a user's rights away."""
    rbac = client.RbacAuthorizationV1Api(core.api_client)
    for remove in (rbac.delete_cluster_role_binding, rbac.delete_cluster_role):
        with suppress(client.ApiException):
            remove(namespace)


class CutProxy:
    """Passes on connections to the API server, until it is cut; then nobody listens there."""

    def __init__(self) -> None:
        self._to = server()  # before KUBECONFIG leads here
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._accept()

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """End all connections, and take no more."""
        for one in (self._listener, *list(self._open)):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def restore(self) -> None:
        """Take connections again."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._accept()

    def _accept(self) -> None:
        threading.Thread(target=self._take, args=(self._listener,), daemon=True).start()

    def _take(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._to)
                self._open |= {near, far}
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(_CHUNK):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)
