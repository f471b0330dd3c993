"""Digests of the files that a number comes from, so that a reader knows what had changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.setup import judges
from harness.setup.catalog import Benchmark, Variant

_NEITHER = (".md", ".pyc")  # neither runs


def of_benchmark(benchmark: Benchmark) -> str:
    """Changes with the payloads, the predictor and what the model is made from.

    Not with the load profiles and the SLO of benchmark.toml, which are stored one by one.
    """
    table = benchmark.table
    told: tuple[Any, ...] = (table.threads, table.timeout_s, table.tolerance, benchmark.weights)
    if table.judge != judges.EQUAL:  # so that digests of earlier versions stay what they were
        told = (*told, table.judge)
    shared = benchmark.folder.parent / "shared"
    return _digest((benchmark.folder, shared), {"benchmark.toml"}, repr(told))


def of_variant(variant: Variant, benchmark: Benchmark) -> str:
    """Changes with any file that the variant runs from on that benchmark.

    The same digest of two variants means that they differ by chance alone. The files of
    an endpoint and of an image are
    not known: empty.
    """
    if variant.endpoint is not None or variant.image:
        return ""
    server, own = variant.server, variant.own(benchmark)
    beside = (server.component(name) for name in variant.table.components)
    folders = (server.folder, server.shared, server.dockerfile, *beside)
    return _digest(folders, set(), f"{variant.table!r}{of_benchmark(own)}")


def _digest(places: Iterable[Path], left_out: set[str], more: str) -> str:
    found = hashlib.sha256(more.encode())
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            name = str(path.relative_to(place.parent))
            if path.is_file() and path.suffix not in _NEITHER and path.name not in left_out:
                found.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]
