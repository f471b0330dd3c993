"""The images of containers, and their state."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.page.sections import Values, section
from harness.report.page.view import Report
from harness.stored.container import ContainerFacts, ImageFacts

_REACHED = {
    "container": "its own address",
    "published": "a published port",
    "service": "the address of its Service",
    "node port": "a port of its node",
    "pod": "the address of its pod",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One variant on one benchmark."""

    variant: str
    benchmark: str
    image: ImageFacts
    container: ContainerFacts | None  # None if it never started

    @property
    def reached(self) -> str:
        """Where the load went, in words."""
        return _REACHED.get(self.container.reached, "") if self.container is not None else ""


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
    pods = [line for line in lines.values() if line.container and line.container.pod]
    return {"lines": list(lines.values()), "pods": pods} if lines else None
