"""Recording rules that turn each framework's own names into common ones, `serving:...`.

So that there is one dashboard, and one set of alerts, for whatever serves the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.monitoring import bounds
from harness.monitoring.promql import counter, largest, quoted, series, summed
from harness.setup.server_metrics import CountersTable
from harness.setup.slo import Slo

RATE = "5m"  # over which rates are taken
FAILED = f"serving:failed:rate{RATE}"
LATE = f"serving:late:rate{RATE}"
REQUESTS = f"serving:requests:rate{RATE}"
MEAN_S = "serving:request_duration_seconds:mean"
QUEUE_S = "serving:queue_seconds:mean"
MODEL_S = "serving:model_seconds:mean"
IN_FLIGHT = "serving:in_flight"
BATCH = "serving:batch_size:mean"
CPUS = f"serving:cpus:rate{RATE}"
MEMORY = "serving:memory_bytes"
QUANTILES = {"0.5": 0.5, "0.99": 0.99}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRule:
    """A series that Prometheus makes of others."""

    record: str
    expr: str
    labels: tuple[tuple[str, str], ...] = ()


def duration(quantile: float) -> str:
    """The name of a percentile of the response time."""
    return f"serving:request_duration_seconds:p{100 * quantile:g}"


def of_framework(framework: str, counters: CountersTable, slo: Slo) -> Iterator[RecordingRule]:
    """What a framework counts and times itself, under common names and in seconds."""
    yield from _counts(framework, counters)
    yield from _times(framework, counters)
    if counters.spans == "request":
        yield from _late(framework, counters, slo)
    if counters.in_flight is not None:
        own = series(counters.in_flight, framework)
        yield RecordingRule(record=IN_FLIGHT, expr=summed(own))
    if counters.batch is not None:
        instances, calls = (_rate(each, framework) for each in counters.batch)
        yield RecordingRule(record=BATCH, expr=f"{instances} / ({calls} > 0)")


def common() -> Iterator[RecordingRule]:
    """What Prometheus's client libraries call alike."""
    served = 'framework!=""'
    cpu = f"rate(process_cpu_seconds_total{{{served}}}[{RATE}])"
    yield RecordingRule(record=CPUS, expr=summed(cpu))
    memory = f"process_resident_memory_bytes{{{served}}}"
    yield RecordingRule(record=MEMORY, expr=summed(memory))


def _counts(framework: str, counters: CountersTable) -> Iterator[RecordingRule]:
    """All requests, and those that failed, of frameworks that count them."""
    requests = _rate(counters.requests, framework)
    # A counter of failures is not there before the first one.
    parts = [f"({_rate(each, framework)} or 0 * {requests})" for each in counters.failed]
    outside = [] if counters.counts_failed else parts
    yield RecordingRule(record=REQUESTS, expr=" + ".join((requests, *outside)))
    if parts:
        yield RecordingRule(record=FAILED, expr=" + ".join(parts))


def _times(framework: str, counters: CountersTable) -> Iterator[RecordingRule]:
    """Percentiles of histograms, and means of histograms, summaries and sums."""
    spans_request = counters.spans == "request"
    if counters.latency and spans_request:
        buckets = largest([_rate(each, framework, "_bucket", "le") for each in counters.latency])
        for share in QUANTILES.values():
            expr = _scaled(f"histogram_quantile({share:g}, {buckets})", counters.unit_s)
            yield RecordingRule(record=duration(share), expr=expr)
    answered = _rate(counters.requests, framework)
    own = {MEAN_S if spans_request else MODEL_S: counters.latency}
    for record, each in ((QUEUE_S, counters.queue), (MODEL_S, counters.model)):
        own |= {record: (each,)} if each is not None else {}
    for record, selectors in own.items():
        if selectors:
            means = [_mean(each, framework, answered) for each in selectors]
            yield RecordingRule(record=record, expr=_scaled(largest(means), counters.unit_s))


def _mean(selector: str, framework: str, answered: str) -> str:
    """Of a histogram or a summary; else it is a sum of times."""
    total, count = (_rate(selector, framework, suffix) for suffix in ("_sum", "_count"))
    return f"({total} / ({count} > 0) or {_rate(selector, framework)} / ({answered} > 0))"


def _late(framework: str, counters: CountersTable, slo: Slo) -> Iterator[RecordingRule]:
    """Requests beyond the highest bound that is not above the limit: never too few."""
    if not counters.latency:
        return
    pattern = quoted(bounds.at_most(float(f"{slo.limit_ns / 1e9 / counters.unit_s:.9g}")))
    late = []
    for each in counters.latency:
        within = f"rate({series(each, framework, '_bucket', f'le=~{pattern}')}[{RATE}])"
        every = _rate(each, framework, "_bucket", matcher='le="+Inf"')
        late.append(f"({every} - {summed(f'max without (le) ({within})')})")
    yield RecordingRule(record=LATE, expr=largest(late))


def _rate(selector: str, framework: str, suffix: str = "", by: str = "", matcher: str = "") -> str:
    own = counter(selector, framework)
    if suffix:
        own = series(selector, framework, suffix, *filter(None, (matcher,)))
    return summed(f"rate({own}[{RATE}])", *filter(None, (by,)))


def _scaled(expression: str, unit_s: float) -> str:
    return expression if unit_s == 1 else f"{unit_s:g} * ({expression})"
