"""Every variant that runs in a container, as an order for manifests."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from harness.manifests.kinds import ManifestOrder, PodScaling
from harness.measure.launch import launchers
from harness.measure.launch.kubernetes import printed
from harness.setup import catalog, launching
from harness.setup.catalog import Benchmark, Variant
from harness.stored import plan

IMAGE = "registry.example/serving/fastapi-onnx-iris:1"
SCALING = PodScaling(least=1, most=5, cpu_percent=80)


@cache
def _container() -> str:
    launchers.registered()
    return launching.for_images()


@cache
def variants() -> dict[str, Variant]:
    """Those that a cluster could run, by name, tests' own left out."""
    found = {}
    for name, variant in catalog.variants().items():
        there = replace(variant, launcher=_container())
        table = variant.table
        public = not name.startswith("_") and not table.is_floor and not table.launchers
        if public and benchmark_of(there) is not None:
            found[name] = there
    return found


def benchmark_of(variant: Variant) -> Benchmark | None:
    """One that it can serve."""
    known = catalog.benchmarks()
    usual = [known["iris"], *known.values()]
    return next((b for b in usual if plan.why_not(variant, b, "cpu") is None), None)


def order_of(name: str, **given: Any) -> ManifestOrder:
    """A variant with the model of a benchmark that it can serve."""
    variant = variants()[name]
    benchmark = benchmark_of(variant)
    assert benchmark is not None
    return printed.manifest_order(variant, benchmark, **{"image": IMAGE, **given})
