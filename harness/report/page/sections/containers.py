"""The images of containers, and their state."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.page.sections import Values, section
from harness.report.page.view import Report
from harness.stored.container import ContainerFacts, ImageFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One variant on one benchmark."""

    variant: str
    benchmark: str
    image: ImageFacts
    container: ContainerFacts | None  # None if it never started


@section("Containers", order=50)
def containers(report: Report) -> Values | None:
    lines: dict[tuple[str, str], Line] = {}
    for digest in report.digested.digests:
        facts, cell = digest.facts, digest.cell
        known = lines.get((cell.variant_name, cell.benchmark_name))
        if facts.image is not None and (known is None or known.container is None):
            made = Line(
                variant=cell.variant_name,
                benchmark=cell.benchmark_name,
                image=facts.image,
                container=facts.container,
            )
            lines[cell.variant_name, cell.benchmark_name] = made
    return {"lines": list(lines.values())} if lines else None
