"""`harness manifests`: what one would apply to a cluster to serve a variant there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import _places, _say
from harness.cli._named import BENCHMARK, MANIFEST_KIND, OVERLAY, VARIANT
from harness.cli._numbers import POSITIVE

if TYPE_CHECKING:
    from harness.manifests.kinds import ManifestOrder, PodScaling
    from harness.setup.catalog import Benchmark, Variant

_CPU_PERCENT = 80
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")


@click.command("manifests")
@click.argument("variant", type=VARIANT)
@click.option(
    "--kind",
    type=MANIFEST_KIND,
    default="deployment",
    show_default=True,
    help="What deploys it: plain objects, or a framework's custom resource.",
)
@click.option("--mode", default="", help="One of the kind's ways to deploy it.")
@click.option("--overlay", type=OVERLAY, help="Of kustomize, merged in.")
@click.option(
    "--benchmark", type=BENCHMARK, default="sentiment", show_default=True, help="Benchmark."
)
@click.option("--image", default="", help="Image, as the cluster can pull it.")
@click.option("--namespace", default="", help="Namespace of the objects.")
@click.option("--replicas", type=click.IntRange(min=1), default=1, show_default=True, help="Pods.")
@click.option("--most", type=click.IntRange(min=2), help="Pods at most: it scales from --replicas.")
@click.option(
    "--cpu-percent",
    type=click.IntRange(1, 100),
    default=_CPU_PERCENT,
    show_default=True,
    help="With --most: the share of requested CPU time that pods are kept at.",
)
@click.option("--cpus", type=POSITIVE, help="CPUs of a pod.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write files into, with the overlays that there are.",
)
@_places.options
def command(**options: Any) -> None:
    """Print what one would apply to a cluster to serve a variant there. Needs neither a cluster nor
    a Docker engine."""
    from harness.base.errors import UsageError
    from harness.manifests import kinds, overlays, text
    from harness.measure.launch.kubernetes import printed

    name = options["kind"]
    if options["overlay"] and (name != kinds.PLAIN or options["out"]):
        raise UsageError(
            f"--overlay goes with --kind {kinds.PLAIN}, and without --out, which writes all."
        )
    _require_named(options)
    variant, benchmark = _chosen(options["variant"], options["benchmark"])
    order = _order(variant, benchmark, options)
    kind = kinds.named(name)
    if not options["image"] and not printed.is_built(order.workload.image) and name != "bodywork":
        _say.line(
            f"No image of {variant.table.name} was built here: `python -m harness images "
            f"{variant.table.name} --benchmark {benchmark.name}` builds it, and --image names "
            "another.",
            err=True,
        )
    if options["out"]:
        _write(options["out"], name, order)
        return
    overlay = options["overlay"]
    made = overlays.merged(overlay, order) if overlay else kinds.checked(name, order)
    about = f"{variant.table.name} with the model of {benchmark.name}: {kind.about}."
    _say.document(text.documents(made, (about, *kind.notes(order))))


def _require_named(options: dict[str, Any]) -> None:
    """Raises UsageError for what no cluster takes for a name."""
    from harness.base.errors import UsageError

    namespace, image = options["namespace"], options["image"]
    if namespace and not _LABEL.fullmatch(namespace):
        raise UsageError(
            f"--namespace: {namespace!r} can't name a namespace: lower-case letters, digits and "
            "hyphens, at most 63, and no hyphen first or last."
        )
    if image and not _IMAGE.fullmatch(image):
        raise UsageError(f"--image: {image!r} can't name an image.")


def _chosen(name: str, benchmark: str) -> tuple[Variant, Benchmark]:
    """The variant as a container, and the benchmark that it can serve. Raises UsageError."""
    from harness.base.errors import UsageError
    from harness.cli import _select
    from harness.setup import catalog, launching
    from harness.stored import plan

    chosen = _select.variants((name,), False, None, (launching.for_images(),))
    found = next((v for v in chosen if launching.of(v.launcher).runs_images), None)
    if found is None:
        raise UsageError(f"{name} does not run in a container.")
    wanted = catalog.benchmark(benchmark)
    if reason := plan.why_not(found, wanted, "cpu"):
        raise UsageError(f"{name} can't serve {benchmark} in a cluster: {reason}.")
    return found, wanted


def _order(variant: Variant, benchmark: Benchmark, options: dict[str, Any]) -> ManifestOrder:
    from harness.measure.launch.kubernetes import printed

    return printed.manifest_order(
        variant,
        benchmark,
        image=options["image"],
        cpus=options["cpus"],
        scaling=_scaling(options),
        namespace=options["namespace"],
        mode=options["mode"],
        replicas=options["replicas"],
    )


def _scaling(options: dict[str, Any]) -> PodScaling | None:
    from harness.base.errors import UsageError
    from harness.manifests.kinds import PodScaling

    least, most, percent = options["replicas"], options["most"], options["cpu_percent"]
    if most is None:
        if percent != _CPU_PERCENT:
            raise UsageError("--cpu-percent goes with --most.")
        return None
    if most <= least:
        raise UsageError(f"--most {most} is no more than --replicas {least}.")
    return PodScaling(least=least, most=most, cpu_percent=percent)


def _write(folder: Path, name: str, order: ManifestOrder) -> None:
    """Files of a kind, the plain one's with its overlays; prints where they are. Raises
    StoreError."""
    from harness.base.errors import StoreError
    from harness.manifests import kinds, overlays, text

    if name == kinds.PLAIN:
        files = {path: text.document(made) for path, made in overlays.files(order).items()}
    else:
        file = "bodywork.yaml" if name == "bodywork" else f"{order.name}-{name}.yaml"
        notes = kinds.named(name).notes(order)
        files = {file: text.documents(kinds.checked(name, order), notes)}
    for path, content in files.items():
        place = folder / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content, encoding="utf-8")
        except OSError as error:
            raise StoreError(f"{place} can't be written: {error.strerror or error}.") from error
        _say.line(place)
