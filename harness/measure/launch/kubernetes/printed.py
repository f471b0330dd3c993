"""A variant as an order for manifests, without an engine, a model or a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.base import paths
from harness.manifests.kinds import ManifestOrder, PodScaling, SourceOrder
from harness.manifests.workload import Workload
from harness.measure.launch.containers import images
from harness.measure.launch.containers.images import Image
from harness.measure.launch.kubernetes import workloads
from harness.measure.launch.launchers import LaunchOrder
from harness.measure.prepare import environments
from harness.protocols import tensors
from harness.setup.catalog import Benchmark, Variant
from harness.stored.container import ImageFacts

_UNBUILT = "latest"


def manifest_order(
    variant: Variant,
    benchmark: Benchmark,
    *,
    image: str = "",
    cpus: float | None = None,
    scaling: PodScaling | None = None,
    namespace: str = "",
    mode: str = "",
    replicas: int = 1,
) -> ManifestOrder:
    """What deploys a variant with a benchmark's model in the image. Raises UsageError."""
    named = image or usual_image(variant, benchmark)
    return ManifestOrder(
        workload=_workload(variant, benchmark, named, replicas, cpus),
        source=_source(variant, benchmark),
        namespace=namespace,
        scaling=scaling,
        mode=mode,
    )


def usual_image(variant: Variant, benchmark: Benchmark) -> str:
    """The name of the image that this machine built last for it, or of none yet."""
    return _newest(images.name_of(variant, benchmark, "cpu"), ".json")


def is_built(image: str) -> bool:
    """Whether that is the name of one that was built."""
    return not image.endswith(f":{_UNBUILT}")


def _newest(name: str, suffix: str) -> str:
    """The image of that name that this machine built last, by the files that it keeps of each."""
    folder = paths.cache_dir() / "images"
    found = sorted(folder.glob(f"{name}-*{suffix}"), key=_age) if folder.is_dir() else []
    digests = [path.name.removeprefix(f"{name}-").removesuffix(suffix) for path in found]
    own = [digest for digest in digests if "-" not in digest]  # else of a longer name
    return f"{images.REPOSITORY}/{name}:{own[-1] if own else _UNBUILT}"


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _workload(
    variant: Variant, benchmark: Benchmark, image: str, replicas: int, cpus: float | None
) -> Workload:
    threads = variant.table.threads or benchmark.table.threads
    order = LaunchOrder(
        variant=variant,
        provided=Image(facts=_facts(image), versions={}, beside=_beside(variant)),
        benchmark=benchmark,
        artefact=Path(),
        threads=threads,
        device="cpu",
        cpus=tuple(range(variant.table.workers * threads)),
        signature=_signature(benchmark),
        scratch=Path(),
    )
    return workloads.of_order(order, replicas=replicas, cpus=cpus, records=False)


def _signature(benchmark: Benchmark) -> dict[str, Any]:
    """As far as the benchmark says what its predictions look like."""
    if benchmark.table.prediction is None:
        return {}
    return tensors.signature(benchmark.payloads()[0], benchmark.table.prediction)


def _source(variant: Variant, benchmark: Benchmark) -> SourceOrder | None:
    if variant.image:
        return None
    backend = variant.table.backend
    serving = environments.required(variant.server.folder / "requirements.in")
    predictor = environments.needed(benchmark, backend)
    return SourceOrder(
        server=variant.server.name,
        benchmark=benchmark.name,
        serving=tuple(dict.fromkeys((*serving, *predictor))),
        training=tuple(environments.needed(benchmark, "onnx")),
        weights=benchmark.weights is not None,
    )


def _beside(variant: Variant) -> dict[str, ImageFacts]:
    return {
        # Of these it keeps the file that it locks.
        name: _facts(_newest(name, ".lock"))
        for name in variant.table.components
    }


def _facts(image: str) -> ImageFacts:
    return ImageFacts(
        tag=image, id="", size_bytes=0, base="", build_s=None, steps=0, steps_reused=0
    )
