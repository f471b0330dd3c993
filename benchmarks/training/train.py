"""Train the next version of a benchmark's model in a cluster, and have a Deployment serve it.

A Job runs it, in an image with the benchmark's `build.py`. It may read and patch that one
Deployment and make ConfigMaps, and nothing else. The model becomes a ConfigMap of its own, which
never changes and goes with the Deployment; a patch of the Deployment's template then has new pods
mount it in place of the model of their image, so that they are replaced one by one. That needs
neither a storage class nor a certain node, and an earlier version stays what it was; but a
ConfigMap holds 1 MiB at most.

Its last line of output is a JSON object that says how far it came.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any

VERSION = "serving-harness/model-version"  # an annotation of the Deployment, and of its pods
MODEL = "model"  # the volume
MOST_BYTES = 1 << 20  # of a ConfigMap
APP = Path("/app")
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LIMIT_S = 30.0  # of a request to the API server
_TAIL = 400  # characters of what went wrong


class Failed(Exception):
    """A sentence that says why the version is not served."""


class Conflict(Exception):
    """What was to be made is there already."""


class Cluster:
    """The API server, as a pod's service account reaches it."""

    def __init__(self, account: Path = ACCOUNT) -> None:
        host, port = (os.environ[f"KUBERNETES_SERVICE_{name}"] for name in ("HOST", "PORT"))
        self._address = f"https://{f'[{host}]' if ':' in host else host}:{port}"
        self._token = (account / "token").read_text("utf-8").strip()
        self._trusted = ssl.create_default_context(cafile=str(account / "ca.crt"))
        self.namespace = (account / "namespace").read_text("utf-8").strip()

    def ask(self, method: str, path: str, body: object = None, kind: str = "json") -> Any:
        """The server's answer. Raises Failed, or Conflict."""
        request = urllib.request.Request(
            f"{self._address}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": f"application/{kind}",
                "Accept": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_LIMIT_S, context=self._trusted) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.CONFLICT:
                raise Conflict from error
            said = error.read().decode(errors="replace")
            raise Failed(f"the API server refuses to {method} {path}: {_words(said)}") from error
        except (OSError, ValueError) as error:
            raise Failed(f"the API server does not answer: {error}") from error


def main() -> int:
    told: dict[str, Any] = {"version": 0, "failure": ""}
    try:
        run(told)
    except Failed as error:
        told["failure"] = str(error)
    print(json.dumps(told), flush=True)
    return 1 if told["failure"] else 0


def run(told: dict[str, Any]) -> None:
    """Train, store and announce a version; `told` gets how far that came. Raises Failed."""
    cluster = Cluster()
    space = f"namespaces/{cluster.namespace}"
    path = f"/apis/apps/v1/{space}/deployments/{os.environ['HARNESS_DEPLOYMENT']}"
    deployment = cluster.ask("GET", path)
    served = deployment["metadata"].get("annotations", {}).get(VERSION, "1")
    version = told["version"] = int(served) + 1
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "artefact")
        began = time.monotonic()
        train(version, Path(folder), made)
        told["trained_s"] = time.monotonic() - began
        told["accuracy"] = accuracy(made)
        content = files(made)
    began = time.monotonic()
    # One that is there already is what an earlier try of this Job has made: the same.
    with contextlib.suppress(Conflict):
        cluster.ask("POST", f"/api/v1/{space}/configmaps", config_map(deployment, version, content))
    told["stored_s"] = time.monotonic() - began
    cluster.ask("PATCH", path, patch(deployment, version, content), "strategic-merge-patch+json")


def train(version: int, scratch: Path, made: Path) -> None:
    """Run the benchmark's build. Raises Failed."""
    made.mkdir()
    done = subprocess.run(
        [sys.executable, "build.py", str(made)],
        cwd=APP / "build",
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(scratch),
            "PYTHONPATH": str(APP / "shared"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HARNESS_WEIGHTS": str(APP / "weights"),
            "HARNESS_ARTEFACT_VERSION": str(version),
            "ORT_DISABLE_TELEMETRY": "1",
            **{k: v for k, v in os.environ.items() if k == "HARNESS_SYNTHETIC"},
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr, sep="", end="", flush=True)
    if done.returncode:
        raise Failed(f"build.py failed with exit code {done.returncode}: {_words(done.stderr)}")


def accuracy(made: Path) -> float | None:
    """The accuracy that the build measured, if it did. Raises Failed where it is not enough."""
    facts = made / "facts.json"
    found = json.loads(facts.read_text("utf-8")).get("accuracy") if facts.exists() else None
    least = os.environ.get("HARNESS_ACCURACY_AT_LEAST")
    if least and (not isinstance(found, float) or found < float(least)):
        raise Failed(f"the model's held-out accuracy is {found}, below {least}")
    return found if isinstance(found, float) else None


def files(made: Path) -> dict[str, bytes]:
    """The model's files by their place in it. Raises Failed where a ConfigMap can't hold them."""
    found = {
        path.relative_to(made).as_posix(): path.read_bytes()
        for path in sorted(made.rglob("*"))
        if path.is_file()
    }
    size = sum(map(len, found.values()))
    if size > MOST_BYTES:
        raise Failed(f"the model has {size / MOST_BYTES:.1f} MiB, and a ConfigMap holds 1 MiB")
    return found


def config_map(owner: dict[str, Any], version: int, content: dict[str, bytes]) -> dict[str, Any]:
    """The object that holds a version, and that goes with its Deployment."""
    about = owner["metadata"]
    named = {"apiVersion": "apps/v1", "kind": "Deployment", "name": about["name"]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": _name(about["name"], version),
            "labels": about.get("labels", {}),
            "annotations": {VERSION: str(version)},
            "ownerReferences": [{**named, "uid": about["uid"]}],
        },
        "binaryData": {
            key: base64.b64encode(data).decode()
            for key, data in zip(_keys(content), content.values(), strict=True)
        },
        "immutable": True,
    }


def patch(deployment: dict[str, Any], version: int, content: dict[str, bytes]) -> dict[str, Any]:
    """What has the Deployment's pods replaced by some that serve the version."""
    about, told = deployment["metadata"], {"annotations": {VERSION: str(version)}}
    container = deployment["spec"]["template"]["spec"]["containers"][0]["name"]
    mounted = {"name": MODEL, "mountPath": os.environ["HARNESS_ARTEFACT"], "readOnly": True}
    items = [{"key": key, "path": path} for key, path in zip(_keys(content), content, strict=True)]
    volume = {"name": MODEL, "configMap": {"name": _name(about["name"], version), "items": items}}
    pod = {"containers": [{"name": container, "volumeMounts": [mounted]}], "volumes": [volume]}
    return {"metadata": told, "spec": {"template": {"metadata": told, "spec": pod}}}


def _name(deployment: str, version: int) -> str:
    return f"{deployment}-{MODEL}-{version}"


def _keys(content: dict[str, bytes]) -> list[str]:
    """Keys of a ConfigMap, which have no slashes, for the files."""
    return [f"file-{number}" for number in range(len(content))]


def _words(text: str) -> str:
    return " ".join(text.split())[-_TAIL:]


if __name__ == "__main__":
    sys.exit(main())
