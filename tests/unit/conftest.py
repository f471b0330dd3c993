"""A project of a test's own: servers, benchmarks and caches in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.setup.catalog import Benchmark, Variant, benchmarks, variants

SERVER = """
framework = "Some"
licence = "MIT"
maintained = true
"""
VARIANT = """
[[variant]]
name = "{name}"
track = "matched"
description = "One."
protocol = "json"
command = ["{{bin}}/python", "app.py"]
"""
BENCHMARK = """
version = 1
description = "One."
tolerance = 0.1
"""
PROFILE = """
[[profile]]
name = "steady"
shape = "poisson"
rate_per_s = 10.0
duration_s = 1.0
"""


class Project:
    """Folders that the catalog finds in place of the real ones."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cache = root / "cache"
        self.servers = root / "servers"
        self.benchmarks = root / "benchmarks"

    def server(self, name: str = "some", *, head: str = SERVER, variants: str = "") -> Path:
        """Write a server.toml; by default with one variant of the server's name."""
        text = head + (variants or VARIANT.format(name=name))
        return _written(self.servers / name / "server.toml", text)

    def benchmark(
        self,
        name: str = "some",
        *,
        head: str = BENCHMARK,
        profiles: str = PROFILE,
        payloads: str = '{"instance": 1}\n',
    ) -> Path:
        """Write a benchmark.toml, its payloads and an empty predictor."""
        folder = self.benchmarks / name
        _written(folder / "payloads.jsonl", payloads)
        _written(folder / "predictor.py", "")
        return _written(folder / "benchmark.toml", head + profiles)

    def presets(self, text: str) -> Path:
        """Write a presets.toml."""
        return _written(self.benchmarks / "presets.toml", text)

    def variant(self, name: str = "some", more: str = "") -> Variant:
        """A variant of a server of the same name, with more keys if need be."""
        self.server(name, variants=VARIANT.format(name=name) + more)
        return variants()[name]

    def bench(self, name: str = "some", **parts: str) -> Benchmark:
        """A benchmark."""
        self.benchmark(name, **parts)
        return benchmarks()[name]


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project."""
    made = Project(tmp_path)
    monkeypatch.setenv("HARNESS_SERVERS", str(made.servers))
    monkeypatch.setenv("HARNESS_BENCHMARKS", str(made.benchmarks))
    monkeypatch.setenv("HARNESS_CACHE", str(made.cache))
    return made
