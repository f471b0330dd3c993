"""Locations. The project's folders come from the checkout, the caches from the user.

A variable that is empty counts as one that is not set, here and everywhere: an empty path would
mean the current working directory.
"""

from __future__ import annotations

import os
from pathlib import Path

from harness.base.errors import UsageError

PROJECT = Path(__file__).resolve().parents[2]
MORE_SERVERS = "HARNESS_MORE_SERVERS"
MORE_BENCHMARKS = "HARNESS_MORE_BENCHMARKS"


def variable(name: str) -> str | None:
    """An environment variable's value; None where it is not set, or empty."""
    value = os.environ.get(name, "")
    return value if value.strip() else None


def servers_dir() -> Path:
    """Folders of servers; HARNESS_SERVERS puts others in their place."""
    return Path(variable("HARNESS_SERVERS") or PROJECT / "servers")


def benchmarks_dir() -> Path:
    """Folders of benchmarks; HARNESS_BENCHMARKS puts others in their place."""
    return Path(variable("HARNESS_BENCHMARKS") or PROJECT / "benchmarks")


def servers_dirs() -> tuple[Path, ...]:
    """Those, and the folders beside them that `--servers` and HARNESS_MORE_SERVERS name."""
    return (servers_dir(), *more(MORE_SERVERS))


def benchmarks_dirs() -> tuple[Path, ...]:
    """Those, and the folders beside them that `--benchmarks` and HARNESS_MORE_BENCHMARKS name."""
    return (benchmarks_dir(), *more(MORE_BENCHMARKS))


def more(name: str) -> tuple[Path, ...]:
    """The folders that a variable lists, as PATH does."""
    return tuple(map(Path, filter(None, (variable(name) or "").split(os.pathsep))))


def results_dir() -> Path:
    """The folder of stored campaigns; HARNESS_RESULTS overrides."""
    return Path(variable("HARNESS_RESULTS") or PROJECT / "results")


def reports_dir() -> Path:
    """The folder of reports; HARNESS_REPORTS overrides."""
    return Path(variable("HARNESS_REPORTS") or PROJECT / "reports")


def prices_file() -> Path:
    """The table of what machines cost; HARNESS_PRICES puts another in its place."""
    return Path(variable("HARNESS_PRICES") or Path(__file__).resolve().parents[1] / "prices.toml")


def cache_dir() -> Path:
    """Environments, weights and artefacts; HARNESS_CACHE overrides.

    Raises UsageError for a relative path: what is cached, and removed by `clean`, must not depend
    on where a command is given.
    """
    own = variable("HARNESS_CACHE")
    return _absolute("HARNESS_CACHE", own) if own else _users_caches() / "serving-harness"


def _users_caches() -> Path:
    if (shared := variable("XDG_CACHE_HOME")) is not None:
        return _absolute("XDG_CACHE_HOME", shared)
    try:
        return Path.home() / ".cache"
    except RuntimeError as error:
        raise UsageError(
            "There is no home folder for caches: set HARNESS_CACHE to a folder."
        ) from error


def _absolute(name: str, value: str) -> Path:
    if not Path(value).is_absolute():
        raise UsageError(
            f"{name} is the relative path {value!r}, which depends on the current folder: "
            f"write an absolute path, or leave {name} unset."
        )
    return Path(value)
