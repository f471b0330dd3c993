"""Writes a model repository for the benchmark's tensors, then becomes Triton.

The arguments go on to Triton.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import serving

PACKAGES = Path(sysconfig.get_path("purelib"))
TRITON = PACKAGES / "pytriton" / "tritonserver"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
STUB = TRITON / "python_backend_stubs" / VERSION / "triton_python_backend_stub"
# The largest batch of one request too, so that it is the same with and without dynamic batching.
MAX_BATCH_SIZE = int(os.environ.get("HARNESS_BATCH_SIZE", "16"))


def main(arguments: list[str]) -> None:
    folder = Path(os.environ["TMPDIR"])
    link(folder / "backends" / "python", backend())
    # Triton makes the stub executable, which a link into a folder that can't be written would stop.
    shutil.copy(STUB, folder / "backends" / "python")
    model = folder / "models" / "model"
    # Beside the model, since the backend's Python pays no heed to PYTHONPATH.
    shared = Path(serving.__file__).parent.glob("*.py")
    link(model / "1", [Path(__file__).with_name("model.py"), *shared])
    (model / "config.pbtxt").write_text(configuration())
    # The backend's stub asks for libpython by name, and the system's may be another build.
    libraries = [sysconfig.get_config_var("LIBDIR"), str(PACKAGES / "nvidia_pytriton.libs")]
    os.environ["LD_LIBRARY_PATH"] = ":".join(libraries)
    server = TRITON / "bin" / "tritonserver"
    os.execv(server, [server.name, *options(folder), *arguments])


def backend() -> list[Path]:
    """The Python backend but for its stub: there is one for each version of Python, apart."""
    return list((TRITON / "backends" / "python").glob("*triton_python*"))


def link(folder: Path, targets: list[Path]) -> None:
    folder.mkdir(parents=True)
    for target in targets:
        (folder / target.name).symlink_to(target)


def options(folder: Path) -> list[str]:
    host = os.environ["HARNESS_HOST"]
    # Triton leaves its shared memory behind where its stub or itself was killed; of this name, the
    # harness removes it.
    memory = os.environ["HARNESS_SHARED_MEMORY"]
    return [
        f"--model-repository={folder / 'models'}",
        f"--backend-directory={folder / 'backends'}",
        "--disable-auto-complete-config",  # it would start the model's process once more
        f"--http-address={host}",
        f"--grpc-address={host}",
        f"--metrics-address={host}",
        f"--backend-config=python,shm-region-prefix-name={memory}",
        "--exit-timeout-secs=3",  # its own 30 are longer than anything here runs
    ]


def configuration() -> str:
    """The model's config.pbtxt."""
    declared = serving.signature()
    given = declared["input"]
    lines = [
        'backend: "python"',
        f"max_batch_size: {MAX_BATCH_SIZE}",
        f"input [{tensor(given['name'], given['datatype'], given['width'])}]",
        *(f"output [{tensor(name, kind, 1)}]" for name, kind in declared["outputs"].items()),
        f"instance_group [{{ count: {os.environ['HARNESS_WORKERS']} kind: KIND_CPU }}]",
    ]
    if "HARNESS_BATCH_SIZE" in os.environ and MAX_BATCH_SIZE > 1:
        wait_us = round(1000 * float(os.environ["HARNESS_BATCH_WAIT_MS"]))
        lines.append(f"dynamic_batching {{ max_queue_delay_microseconds: {wait_us} }}")
    return "\n".join(lines) + "\n"


def tensor(name: str, datatype: str, width: int) -> str:
    kind = "STRING" if datatype == "BYTES" else datatype
    return f'{{ name: "{name}" data_type: TYPE_{kind} dims: [{width}] }}'


if __name__ == "__main__":
    main(sys.argv[1:])
