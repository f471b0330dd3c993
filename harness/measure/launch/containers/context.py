"""The build context of an image: a few files of the project, the model, and the packages to
install."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from uv import find_uv_bin

from harness.base.errors import ProvisionError
from harness.measure.launch.launchers.place import PAYLOADS, known_payloads
from harness.measure.prepare import environments, weights
from harness.setup.catalog import Benchmark, Variant

_YEAR_1980 = 315_532_800  # the earliest that a ZIP archive can hold, which TorchServe makes
APP = PurePosixPath("/app")  # in the container
_LEFT_OUT = ("requirements", "Dockerfile", "overrides", "__pycache__", "server.toml")
_VERSIONS = """\
import importlib.metadata, json, sys
found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
with open(sys.argv[1], "w") as file:
    json.dump(found, file, indent=1, sort_keys=True)
"""


@dataclass(frozen=True, slots=True)
class Context:
    """Files by their place in the context: the ones on this machine, or their content."""

    files: dict[str, Path | bytes]

    def digest(self, *more: str) -> str:
        """Changes with any file, or with any of `more`."""
        found = hashlib.sha256(repr(more).encode())
        for name, content in sorted(self.files.items()):
            if isinstance(content, bytes):
                own = hashlib.sha256(content).hexdigest()
            elif name.endswith(".whl"):  # named after its content, and large
                own = str(content.stat().st_size)
            else:
                own = weights.sha256(content)
            found.update(f"{name}\0{own}\0".encode())
        return found.hexdigest()[:12]

    def write(self, file: IO[bytes]) -> None:
        """As a tar archive that is the same for the same files."""
        with tarfile.open(fileobj=file, mode="w") as archive:
            for name, content in sorted(self.files.items()):
                entry = tarfile.TarInfo(name)
                entry.mode, entry.mtime = 0o644, _YEAR_1980
                if isinstance(content, bytes):
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
                    continue
                entry.size = content.stat().st_size
                if os.access(content, os.X_OK):
                    entry.mode = 0o755
                with content.open("rb") as source:
                    archive.addfile(entry, source)


def of(variant: Variant, benchmark: Benchmark, artefact: Path, device: str = "cpu") -> Context:
    """The context of a variant's image. Raises ProvisionError for what must not get into one."""
    server, backend = variant.server, variant.table.backend
    files: dict[str, Path | bytes] = {"Dockerfile": server.dockerfile}
    files |= _environment(variant, benchmark, device)
    code = "app/servers"
    files |= tree(server.shared, f"{code}/shared")
    files |= tree(server.folder, f"{code}/{server.name}")
    predictor, shared = benchmark.predictor(backend), benchmark.folder.parent / "shared"
    files[f"app/benchmarks/{benchmark.name}/{predictor.name}"] = predictor
    if known := known_payloads(variant, benchmark):
        files[f"app/benchmarks/{benchmark.name}/{PAYLOADS}"] = known
    files |= tree(shared, "app/benchmarks/shared")
    files |= {"app/artefact/.keep": b"", **tree(artefact, "app/artefact")}
    return Context(files)


def _environment(variant: Variant, benchmark: Benchmark, device: str) -> dict[str, Path | bytes]:
    """The packages to install, their index and their installer, as outside containers."""
    server, backend = variant.server, variant.table.backend
    lock = server.lock(backend, device)
    text = lock.read_text(encoding="utf-8") if server.has_environment else ""
    predictor = environments.needed(benchmark, backend)
    return environment_files(text, environments.extra(variant, benchmark, device), predictor)


def environment_files(
    lock: str, extra: list[str], predictor: list[str] | None = None
) -> dict[str, Path | bytes]:
    """The same for what a lock pins and what it does not; a predictor's own where somebody else
    picks from them. Raises ProvisionError for an index that must not get into an image."""
    files: dict[str, Path | bytes] = {
        "environment/requirements.txt": lock.encode(),
        "environment/extra.txt": _lines(extra),
        "environment/predictor.txt": _lines(predictor or []),
        "environment/versions.py": _VERSIONS.encode(),
        "environment/uv": Path(find_uv_bin()),
        "environment/links/.keep": b"",
    }
    wheels = [] if environments.has_cuda(lock) else list(_wheels(lock))
    files |= {f"environment/links/{wheel.name}": wheel for wheel in wheels}
    files["environment/uv.toml"] = _settings(lock, wheels).encode()
    return files


def _lines(requirements: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in requirements).encode()


def _wheels(lock: str) -> Iterator[Path]:
    """Wheels that lie on this machine where pip is configured to look: the build can't see them."""
    pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, flags=re.MULTILINE))
    for link in environments.pip_settings().get("find-links", []):
        folder = Path(link.removeprefix("file://"))
        for wheel in sorted(folder.glob("*.whl")) if folder.is_dir() else ():
            name, version = wheel.name.split("-")[:2]
            if pins.get(environments.canonical(name)) == version.partition("+")[0]:
                yield wheel


def _settings(lock: str, wheels: list[Path]) -> str:
    """uv.toml for the build."""
    pip = environments.pip_settings()
    given: dict[str, object] = {"no-cache": True}
    own: dict[str, object] = {
        "compile-bytecode": True,
        "link-mode": "copy",
        "allow-empty-requirements": True,
        "find-links": ["/environment/links"],
    }
    for key, url in (
        ("index-url", pip.get("index-url", [])[-1:]),
        ("extra-index-url", pip.get("extra-index-url", [])),
    ):
        urls = [u for u in url if u.startswith(("http://", "https://"))]
        for found in urls:
            _require_no_password(found)
        if urls:
            own[key] = urls[0] if key == "index-url" else urls
    torch = environments.torch_version(lock)
    given_torch = any(wheel.name.startswith("torch-") for wheel in wheels)
    if torch is not None and not given_torch and not environments.has_cuda(lock):
        own["torch-backend"] = "cpu"
    return f"{_toml(given)}\n[pip]\n{_toml(own)}"


def _toml(table: dict[str, object]) -> str:
    # A JSON string, number, boolean or list of strings is the same in TOML.
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())


def _require_no_password(url: str) -> None:
    if "@" in urlsplit(url).netloc:
        raise ProvisionError(
            "pip is configured with a package index whose URL holds a password, which would stay "
            "in the layers of an image. Use an index without one, or --launcher process."
        )


def tree(folder: Path, place: str) -> dict[str, Path | bytes]:
    """A folder's files but for those that say how it is installed; none where there is none."""
    found: dict[str, Path | bytes] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(_LEFT_OUT) for part in parts):
            found[f"{place}/{'/'.join(parts)}"] = path
    return found
