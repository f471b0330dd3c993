"""Why each variant is slower than the best of its track, in a sentence."""

from __future__ import annotations

from typing import Any

from harness.analyse.field import reasons
from harness.analyse.field.comparison import Comparison
from harness.report.page.sections import Values, section
from harness.report.page.sections.verdict import steady_profile
from harness.report.page.view import Report


@section("Why is it slower?", order=12, short="Why")
def slower(report: Report) -> Values | None:
    found = [_benchmark(comparison) for comparison in report.comparisons]
    found = [benchmark for benchmark in found if benchmark["tracks"]]
    return {"benchmarks": found} if found else None


def _benchmark(comparison: Comparison) -> dict[str, Any]:
    said = reasons.of_comparison(comparison)
    return {
        "name": comparison.benchmark,
        "steady": steady_profile(comparison),
        "tracks": [
            (
                track,
                [
                    (row.variant, said[row.variant])
                    for row in comparison.rows
                    if row.rank and row.server.track == track
                ],
            )
            for track in comparison.tracks
        ],
    }
