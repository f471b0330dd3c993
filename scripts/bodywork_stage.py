"""A stage of Bodywork's pipeline: `train BENCHMARK`, or `serve SERVER NAME=VALUE... -- COMMAND`.

`python -m harness manifests VARIANT --kind bodywork` writes the file that calls it. The model goes
from stage to stage as an archive at the place that ARTEFACT_STORE names: a URL that takes PUT and
GET, or a path that both stages see.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from urllib.request import Request, urlopen

PROJECT = Path(__file__).resolve().parent.parent
STORE = "ARTEFACT_STORE"
IN_IMAGES = "/app/"  # where images have the project
TIMEOUT_S = 60


def train(benchmark: str) -> None:
    """Build the model, and store it."""
    folder = PROJECT / "benchmarks" / benchmark
    with tempfile.TemporaryDirectory() as made:
        shared = str(PROJECT / "benchmarks" / "shared")
        environment = {**os.environ, "PYTHONPATH": shared}
        subprocess.run([sys.executable, "build.py", made], cwd=folder, env=environment, check=True)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as file:
            file.add(made, ".")
    store(archive.getvalue())


def serve(server: str, told: list[str], command: list[str]) -> None:
    """Fetch the model, and become the server."""
    artefact = tempfile.mkdtemp(prefix="artefact-")
    with tarfile.open(fileobj=io.BytesIO(stored()), mode="r:gz") as file:
        file.extractall(artefact, filter="data")
    folder, shared = PROJECT / "servers" / server, PROJECT / "servers" / "shared"
    environment = dict(os.environ, PYTHONPATH=str(shared))
    for each in told:
        name, _, value = each.partition("=")
        environment[name] = value.replace(IN_IMAGES, f"{PROJECT}/")
    environment["HARNESS_ARTEFACT"] = artefact
    os.chdir(folder)
    os.execvpe(command[0], command, environment)


def store(content: bytes) -> None:
    place = os.environ[STORE]
    if not place.startswith("http"):
        Path(place).write_bytes(content)
        return
    with urlopen(Request(place, data=content, method="PUT"), timeout=TIMEOUT_S):
        pass


def stored() -> bytes:
    place = os.environ[STORE]
    if not place.startswith("http"):
        return Path(place).read_bytes()
    with urlopen(place, timeout=TIMEOUT_S) as answer:
        found: bytes = answer.read()
        return found


if __name__ == "__main__":
    stage, name, *more = sys.argv[1:]
    if stage == "train":
        train(name)
    else:
        serve(name, more[: more.index("--")], more[more.index("--") + 1 :])
