"""The facts about a variant in the records."""

from __future__ import annotations

from harness.measure.campaign import content
from harness.setup import launching
from harness.setup.catalog import Benchmark, Variant
from harness.setup.endpoints import REFERENCE
from harness.stored.functions import FunctionFacts
from harness.stored.records import ServerFacts, Setup


def server_facts(variant: Variant, benchmark: Benchmark, device: str) -> ServerFacts:
    """The facts about a variant in the records, before its version is read back."""
    server, table = variant.server, variant.table
    threads = table.threads or benchmark.table.threads
    max_batch = benchmark.together * (table.batching.max_size if table.batching else 1)
    return ServerFacts(
        server=server.name,
        framework=server.table.framework,
        version=None,
        homepage=server.table.homepage,
        licence=server.table.licence,
        track=table.track,
        protocol=table.protocol,
        backend=table.backend,
        device=variant.device_for(device),
        launcher=variant.launcher,
        reference=table.is_floor,
        description=table.description,
        maintained=server.table.maintained,
        note=server.table.note,
        asked=None
        if variant.endpoint or variant.image
        else Setup(table.workers, threads, max_batch),
        content=content.of_variant(variant, benchmark),
        insecure=variant.endpoint is not None and variant.endpoint.trust.insecure,
        judged_by=variant.endpoint.judged_by if variant.endpoint else REFERENCE,
        is_here=variant.endpoint is not None and variant.endpoint.is_here,
        launching=launching.of(variant.launcher),
        answers=table.answers,
        misses=table.misses,
        beside=table.beside,
        refuses_beyond=table.refuses_beyond,
        function=_function(variant),
    )


def _function(variant: Variant) -> FunctionFacts | None:
    told = variant.table.function
    if told is None:
        return None
    return FunctionFacts(
        event=told.event,
        memory_mib=told.memory_mib,
        timeout_s=told.timeout_s,
        concurrency=told.concurrency,
        most_instances=told.most_instances,
        beyond=told.beyond,
        idle_s=told.idle_s,
    )
