"""What the records say of a variant."""

from __future__ import annotations

from harness.catalog import Benchmark, Variant
from harness.measure import content
from harness.records import ServerFacts, Setup


def server_facts(variant: Variant, benchmark: Benchmark, device: str) -> ServerFacts:
    """What the records say of a variant, before its version is read back."""
    server, table = variant.server, variant.table
    max_batch = benchmark.together * (table.batching.max_size if table.batching else 1)
    return ServerFacts(
        server.name,
        server.table.framework,
        None,
        server.table.homepage,
        server.table.licence,
        table.track,
        table.protocol,
        table.backend,
        variant.device_for(device),
        variant.launcher,
        table.reference or table.inside,
        table.description,
        server.table.maintained,
        server.table.note,
        None if variant.endpoint else Setup(table.workers, benchmark.table.threads, max_batch),
        content.of_variant(variant, benchmark),
    )
