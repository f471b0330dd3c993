"""An API server that has what a test puts there, so that no cluster is needed.

It keeps objects by their paths, and answers reviews of rights. It makes no pods.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from harness.measure.launch.kubernetes.nearness import boot_id

Json = dict[str, Any]
_KINDS = {
    "v1": ("Namespace", "Node", "Pod", "Service", "Event", "ConfigMap", "Endpoints"),
    "apps/v1": ("Deployment",),
    "policy/v1": ("PodDisruptionBudget",),
    "autoscaling/v1": ("HorizontalPodAutoscaler",),
}
_CLUSTER_WIDE = ("Namespace", "Node")


class FakeApi:
    """What it has, what was asked of it, and how it answers."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {
            "/version": {"gitVersion": "v1.30.0"},
            "/apis": {
                "groups": [
                    {"versions": [{"groupVersion": version}]}
                    for version in _KINDS
                    if version != "v1"
                ]
            },
            **{_root(version): {"resources": _resources(version)} for version in _KINDS},
            "/api/v1/nodes/node-1": _node(),
        }
        self.forbidden: set[tuple[str, str]] = set()  # verbs on resources
        self.answers: dict[tuple[str, str], tuple[int, bytes]] = {}  # to a method and a path
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.server = ""

    def put(self, path: str, made: Json) -> None:
        """Have an object there."""
        about = {"uid": path, "resourceVersion": "1", "creationTimestamp": "", "name": path}
        about["name"] = path.rpartition("/")[2]
        self.objects[path] = {**made, "metadata": {**about, **made.get("metadata", {})}}

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """What a request is answered."""
        parts = urlsplit(target)
        self.asked.append((method, parts.path))
        if (method, parts.path) in self.answers:
            return self.answers[method, parts.path]
        if parts.path.endswith("/selfsubjectaccessreviews"):
            return 201, json.dumps(self._review(json.loads(body))).encode()
        if method == "GET":
            return self._got(parts.path, parse_qs(parts.query))
        if method == "POST":
            made = json.loads(body)
            self.put(f"{parts.path}/{made['metadata']['name']}", made)
            return 201, body
        if parts.path not in self.objects:
            return _status(404, "NotFound", f"{parts.path} not found")
        if method == "DELETE":
            del self.objects[parts.path]
            return 200, b"{}"
        found = _merged(self.objects[parts.path], json.loads(body))
        self.objects[parts.path] = found
        return 200, json.dumps(found).encode()

    def _got(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        if path in self.objects:
            return 200, json.dumps(self.objects[path]).encode()
        wanted = query.get("labelSelector", [""])[0]
        labels = dict(part.split("=", 1) for part in filter(None, wanted.split(",")))
        items = [
            found
            for place, found in self.objects.items()
            if place.rpartition("/")[0] == path
            and labels.items() <= found["metadata"].get("labels", {}).items()
        ]
        if items or path.rpartition("/")[2] in _plurals():
            return 200, json.dumps({"items": items, "metadata": {"resourceVersion": "1"}}).encode()
        return _status(404, "NotFound", f"{path} not found")

    def _review(self, asked: Json) -> Json:
        about = asked["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, [about["resource"], about["subresource"]]))
        return {**asked, "status": {"allowed": (about["verb"], resource) not in self.forbidden}}


@contextmanager
def api(folder: Path, host: str = "127.0.0.1") -> Iterator[FakeApi]:
    """One that runs, and the kubeconfig `config` of the folder that leads to it."""
    made = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            made.headers.append({k.lower(): v for k, v in self.headers.items()})
            status, data = made.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    made.server = f"http://{host}:{server.server_port}"
    write_config(folder / "config", made.server)
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_config(path: Path, server: str, context: str = "fake") -> None:
    """A kubeconfig with one context."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "secret-token"}}],
    }
    path.write_text(json.dumps(config))


def _node() -> Json:
    info = {"bootID": boot_id(), "containerRuntimeVersion": "containerd://1.7.0"}
    return {"metadata": {"name": "node-1"}, "status": {"nodeInfo": info, "allocatable": {}}}


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _resources(version: str) -> list[Json]:
    found = [
        {"name": _plural(kind), "kind": kind, "namespaced": kind not in _CLUSTER_WIDE}
        for kind in _KINDS[version]
    ]
    if version == "v1":
        below = {"name": "pods/eviction", "kind": "Eviction", "namespaced": True}
        found.append({**below, "group": "policy", "version": "v1"})
    return found


def _plural(kind: str) -> str:
    return kind.lower() if kind.endswith("s") else f"{kind.lower()}s"


def _plurals() -> set[str]:
    return {_plural(kind) for kinds in _KINDS.values() for kind in kinds}


def _status(code: int, reason: str, message: str) -> tuple[int, bytes]:
    told = {"kind": "Status", "message": message, "reason": reason, "code": code}
    return code, json.dumps(told).encode()


def _merged(old: Json, change: Json) -> Json:
    """A merge patch, applied."""
    found = dict(old)
    for key, value in change.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            found[key] = _merged(found.get(key) or {}, value)
        else:
            found[key] = value
    return found
