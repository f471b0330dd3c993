"""The right answers, if they are not those of the predictor in process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from harness.base.errors import UsageError
from harness.setup import recorded
from harness.setup.catalog import Benchmark, Variant
from harness.setup.endpoints import RECORDED, REFERENCE
from harness.setup.tables import PresetTable
from harness.stored import plan


def with_answers(chosen: list[Variant], options: dict[str, Any]) -> list[Variant]:
    """The variants, the endpoint with what was recorded of it. Raises UsageError."""
    judged = [v.endpoint.judged_by for v in chosen if v.endpoint is not None]
    if RECORDED not in judged:
        if judged and options["answers"]:
            raise UsageError("The campaign's endpoint is not judged by --answers: leave it out.")
        return chosen
    if options["answers"] is None:
        raise UsageError("The campaign's endpoint is judged by recorded answers: give --answers.")
    known = recorded.read(options["answers"])
    return [v if v.endpoint is None else replace(v, recorded=known) for v in chosen]


def require_judged(
    chosen: Iterable[Variant], benchmarks: Iterable[Benchmark], preset: PresetTable
) -> None:
    """Raises UsageError where nothing says what is right, or how much a share of a rate is."""
    endpoints = [v for v in chosen if v.endpoint is not None]
    for benchmark in benchmarks:
        for variant in endpoints:
            if variant.recorded is not None:
                recorded.answers(variant.recorded, benchmark.payloads(), benchmark.name)
        if benchmark.has_reference:
            continue
        if not any(v.endpoint and v.endpoint.judged_by != REFERENCE for v in endpoints):
            raise UsageError(
                f"{benchmark.predictor('onnx')} is missing. An endpoint can be measured without "
                "it: give --answers or --unchecked."
            )
        shares = [
            table.name
            for table in benchmark.table.profile
            if table.name in plan.taken(benchmark.table, preset) and table.is_share
        ]
        if shares:
            raise UsageError(
                f"The rate of {shares[0]!r} is a share of the predictor's capacity, and "
                f"{benchmark.name} has no predictor: give rate_per_s in its benchmark.toml."
            )
