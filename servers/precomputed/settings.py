"""The settings of this server's processes, from their environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from keys import About, digest_of

if TYPE_CHECKING:
    from redis_store import RedisStore
    from sqlite_store import SqliteStore

STRICT = os.environ.get("PRECOMPUTED_MISSES") == "refused"
URL = "PRECOMPUTED_REDIS"
VERSION = "PRECOMPUTED_VERSION"


def store() -> SqliteStore | RedisStore:
    """The one that the variant has."""
    if url := os.environ.get(URL):
        from redis_store import RedisStore

        return RedisStore(url)
    from sqlite_store import SqliteStore

    return SqliteStore(Path(os.environ["TMPDIR"], "answers"))


def about() -> About:
    """The model that this process is told of."""
    artefact = Path(os.environ["HARNESS_ARTEFACT"])
    return About(digest_of(artefact), int(os.environ.get(VERSION, "1")), str(artefact))
