"""What a running campaign exports: one registered function a metric, made into samples by a scrape.

A function's docstring is the metric's help text, and docs/monitoring.md has it word by word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from harness.monitoring.watched import CampaignStanding

PREFIX = "serving_harness_"
MetricType = Literal["gauge", "counter"]
Sample = tuple[tuple[str, ...], float]  # the labels' values, the number
Samples = Callable[[CampaignStanding], Iterable[Sample]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedMetric:
    """A metric, as Prometheus is told of it."""

    name: str
    type: MetricType
    labels: tuple[str, ...]
    help: str
    samples: Samples


EXPORTED: dict[str, ExportedMetric] = {}


def exported(type_: MetricType, *labels: str) -> Callable[[Samples], Samples]:
    """Register a metric under the prefix and its function's name."""

    def register(samples: Samples) -> Samples:
        name = PREFIX + getattr(samples, "__name__", "")
        told = " ".join((samples.__doc__ or "").split())
        EXPORTED[name] = ExportedMetric(
            name=name, type=type_, labels=labels, help=told, samples=samples
        )
        return samples

    return register


@exported("gauge", "campaign", "preset", "kind", "driver", "device")
def campaign_info(now: CampaignStanding) -> Iterator[Sample]:
    """The campaign that is under way; always 1."""
    if (campaign := now.campaign) is not None:
        labels = (campaign.id, campaign.preset, campaign.kind, campaign.driver, campaign.device)
        yield labels, 1.0


@exported("gauge")
def campaign_start_timestamp_seconds(now: CampaignStanding) -> Iterator[Sample]:
    """When the campaign began."""
    if now.campaign is not None:
        yield (), datetime.fromisoformat(now.campaign.started_at).timestamp()


@exported("gauge")
def campaign_end_timestamp_seconds(now: CampaignStanding) -> Iterator[Sample]:
    """When the campaign is expected to end, from the planned windows and what cells took before."""
    if now.ends_at is not None:
        yield (), now.ends_at


@exported("gauge", "state")
def cells(now: CampaignStanding) -> Iterator[Sample]:
    """Cells of the campaign's plan: `done` (failed ones too), `failed` and `left`."""
    if now.campaign is not None:
        yield ("done",), now.done
        yield ("failed",), now.failed
        yield ("left",), len(now.campaign.cells) - now.done


@exported("gauge", "variant", "benchmark", "round", "phase")
def phase(now: CampaignStanding) -> Iterator[Sample]:
    """The cell that is under way and its phase; under load, the name of the window; always 1."""
    if (cell := now.cell) is not None:
        yield (cell.variant_name, cell.benchmark_name, str(cell.round), now.phase), 1.0


@exported("gauge")
def phase_start_timestamp_seconds(now: CampaignStanding) -> Iterator[Sample]:
    """When that phase began."""
    if now.cell is not None:
        yield (), now.phase_since


@exported("counter", "variant", "benchmark")
def windows_total(now: CampaignStanding) -> Iterator[Sample]:
    """Windows that are over: profiles, audits, probes, strains."""
    yield from now.windows.items()


@exported("counter", "variant", "benchmark", "outcome")
def requests_total(now: CampaignStanding) -> Iterator[Sample]:
    """Requests of those windows, by outcome: `ok`, or the error."""
    yield from now.requests.items()


def _names(now: CampaignStanding) -> tuple[str, str]:
    assert now.cell is not None  # a window belongs to one
    return now.cell.variant_name, now.cell.benchmark_name


@exported("gauge", "variant", "benchmark")
def window_due_per_second(now: CampaignStanding) -> Iterator[Sample]:
    """Planned requests per second of the cell's last window; none of a closed loop."""
    if now.window is not None and now.window.due_per_s is not None:
        yield _names(now), now.window.due_per_s


@exported("gauge", "variant", "benchmark")
def window_answered_per_second(now: CampaignStanding) -> Iterator[Sample]:
    """Requests answered rightly per second in the cell's last window."""
    if now.window is not None:
        yield _names(now), now.window.answered_per_s


@exported("gauge", "variant", "benchmark", "percentile")
def window_response_seconds(now: CampaignStanding) -> Iterator[Sample]:
    """Exact percentiles of the response time in the cell's last window, from the planned send time;
    in a closed loop from the send. A failed request counts as slower than every answered one; a
    percentile that too few requests lie behind is left out."""
    if now.window is not None:
        for percentile, seconds in now.window.response_s.items():
            yield (*_names(now), percentile), seconds


@exported("gauge", "variant", "benchmark")
def window_error_ratio(now: CampaignStanding) -> Iterator[Sample]:
    """Share of the requests of the cell's last window that failed."""
    if now.window is not None and (total := sum(now.window.outcomes.values())):
        yield _names(now), 1 - now.window.outcomes.get("ok", 0) / total


@exported("gauge", "variant", "benchmark")
def window_server_cpus(now: CampaignStanding) -> Iterator[Sample]:
    """CPUs that the server's processes kept busy in the cell's last window, on average."""
    if now.window is not None and now.window.server_cpus is not None:
        yield _names(now), now.window.server_cpus


@exported("gauge", "variant", "benchmark")
def window_server_memory_bytes(now: CampaignStanding) -> Iterator[Sample]:
    """Proportional set size of the server's processes at the end of the cell's last window."""
    if now.window is not None and now.window.server_memory_bytes is not None:
        yield _names(now), now.window.server_memory_bytes
