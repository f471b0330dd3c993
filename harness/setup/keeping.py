"""A setting as the `[[variant]]` of a server.toml that keeps it."""

from __future__ import annotations

from pathlib import Path

from harness.base import toml, whole
from harness.base.errors import StoreError, UsageError
from harness.setup import knobs
from harness.setup.catalog import Variant
from harness.setup.knobs import Setting
from harness.setup.tables import ServerTable

TUNED = "tuned"


def text(variant: Variant, setting: Setting, name: str, description: str) -> str:
    """The table, as it goes into the file of the variant."""
    import tomli_w

    kept = knobs.turned(variant.table, setting, name=name, description=description, track=TUNED)
    keys = kept.model_dump(mode="json", exclude_defaults=True)
    return tomli_w.dumps({"variant": [keys]})


def require_new(name: str, known: dict[str, Variant]) -> None:
    """Raises UsageError where a variant has that name already."""
    if name in known:
        path = known[name].server.folder / "server.toml"
        raise UsageError(
            f"There is a variant {name!r} in {path} already: it is not overwritten. Remove it, or "
            "give another name by --as."
        )


def write(variant: Variant, table: str) -> Path:
    """Add a table to the variant's server.toml, whole or not at all; the rest stays as it is.

    Raises StoreError where it can't be written, UsageError where the file would be wrong.
    """
    path = variant.server.folder / "server.toml"
    try:
        before = path.read_text(encoding="utf-8")
        with whole.replacing(path) as part:
            part.write_text(f"{before.rstrip()}\n\n{table}", encoding="utf-8")
            toml.load(part, ServerTable)
            part.chmod(path.stat().st_mode & 0o777)
    except OSError as error:
        raise StoreError(f"{path} can't be written: {error.strerror or error}.") from error
    return path
