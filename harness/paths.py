"""Where things are. The project's folders come from the checkout, the caches from the user."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def servers_dir() -> Path:
    """Folders of servers; HARNESS_SERVERS puts others in their place."""
    return Path(os.environ.get("HARNESS_SERVERS", PROJECT / "servers"))


def benchmarks_dir() -> Path:
    """Folders of benchmarks; HARNESS_BENCHMARKS puts others in their place."""
    return Path(os.environ.get("HARNESS_BENCHMARKS", PROJECT / "benchmarks"))


def results_dir() -> Path:
    """Where campaigns are stored; HARNESS_RESULTS overrides."""
    return Path(os.environ.get("HARNESS_RESULTS", PROJECT / "results"))


def reports_dir() -> Path:
    """Where reports are written; HARNESS_REPORTS overrides."""
    return Path(os.environ.get("HARNESS_REPORTS", PROJECT / "reports"))


def prices_file() -> Path:
    """The table of what machines cost; HARNESS_PRICES puts another in its place."""
    return Path(os.environ.get("HARNESS_PRICES", Path(__file__).resolve().parent / "prices.toml"))


def cache_dir() -> Path:
    """Environments, weights and artefacts; HARNESS_CACHE overrides."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "serving-harness"
    return Path(os.environ.get("HARNESS_CACHE", default))
