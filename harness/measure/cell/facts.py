"""What the records say of a variant."""

from __future__ import annotations

from harness.measure.campaign import content
from harness.setup import launching
from harness.setup.catalog import Benchmark, Variant
from harness.setup.endpoints import REFERENCE
from harness.stored.records import ServerFacts, Setup


def server_facts(variant: Variant, benchmark: Benchmark, device: str) -> ServerFacts:
    """What the records say of a variant, before its version is read back."""
    server, table = variant.server, variant.table
    threads = table.threads or benchmark.table.threads
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
        table.is_floor,
        table.description,
        server.table.maintained,
        server.table.note,
        None if variant.endpoint or variant.image else Setup(table.workers, threads, max_batch),
        content.of_variant(variant, benchmark),
        variant.endpoint is not None and variant.endpoint.trust.insecure,
        variant.endpoint.judged_by if variant.endpoint else REFERENCE,
        variant.endpoint is not None and variant.endpoint.is_here,
        launching.of(variant.launcher),
    )
