"""The keys of stored answers, and the identity of a model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class About:
    """The model that predicted what a store holds."""

    model: str  # digest of its files
    version: int
    artefact: str  # its folder

    def text(self, store: str) -> str:
        """With the name of its store, as stores keep it."""
        return json.dumps({"store": store, **asdict(self)})


class StoreError(Exception):
    """A store that can't be used, in a sentence."""


def key_of(instance: Any) -> bytes:
    """Equal for instances that are equal as JSON."""
    text = json.dumps(instance, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def digest_of(artefact: Path) -> str:
    """The digest of all files of a model."""
    digest = hashlib.sha256()
    for path in sorted(path for path in artefact.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(artefact)}\0".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def parsed(text: str | bytes, where: str) -> tuple[str, About]:
    """(name of the store, what it is about). Raises StoreError."""
    try:
        found = json.loads(text)
        store = str(found.pop("store"))
        return store, About(**found)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(
            f"{where} does not say which store is served: the batch job is to be run again."
        ) from error


def require(found: About, wanted: About) -> None:
    """Raises StoreError where answers are another model's than that which computes misses."""
    if found.version != wanted.version:
        raise StoreError(
            f"The store has the answers of version {found.version} of the model, not of version "
            f"{wanted.version}: the batch job is to be run again."
        )
    if found.model != wanted.model:
        raise StoreError(
            "The store has the answers of another model than the one that is to be served: the "
            "batch job is to be run again."
        )
