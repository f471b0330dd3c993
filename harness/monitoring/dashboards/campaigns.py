"""A dashboard of campaigns: the one that is under way, and the results of all, over time."""

from __future__ import annotations

from collections.abc import Sequence

from harness.monitoring.dashboards import Choice, DashboardPage, DashboardPanel, PanelQuery
from harness.monitoring.exported import PREFIX
from harness.monitoring.results import ResultMetric

_CHOSEN = 'variant=~"$variant", benchmark=~"$benchmark"'
_NAME = "{{variant}} on {{benchmark}}"
# By the base unit, as Grafana calls it.
_UNITS = {
    "seconds": "s",
    "ratio": "percentunit",
    "bytes": "bytes",
    "per_second": "reqps",
    "joules": "joule",
    "watts": "watt",
}


def dashboard(followed: Sequence[ResultMetric]) -> DashboardPage:
    """Of what `run --metrics-port` exports."""
    return DashboardPage(
        uid="serving-campaigns",
        title="Campaigns",
        description="Campaigns of the Serving Harness as Prometheus keeps them. Live figures are "
        "those of the last window that is over: nothing is asked during one.",
        choices=(
            Choice("benchmark", f"{PREFIX}windows_total"),
            Choice("variant", f"{PREFIX}windows_total"),
        ),
        rows=(
            ("The campaign", _progress()),
            ("Its windows", (*_windows(), *_servers())),
            ("Results over time", tuple(map(_result, followed))),
        ),
        since="now-3h",
        refresh="10s",
    )


def _live(name: str, *more: str) -> str:
    return f"{PREFIX}{name}{{{', '.join((_CHOSEN, *more))}}}"


def _progress() -> tuple[DashboardPanel, ...]:
    return (
        DashboardPanel(
            title="Cells",
            description="Cells of the plan; failed ones are done, too.",
            queries=(PanelQuery(f"last_over_time({PREFIX}cells[1h])", "{{state}}"),),
            kind="stat",
            width=8,
        ),
        DashboardPanel(
            title="Ends",
            description="When the campaign is expected to end.",
            queries=(
                PanelQuery(
                    f"1000 * max(last_over_time({PREFIX}campaign_end_timestamp_seconds[1h]))",
                    "expected",
                ),
            ),
            unit="dateTimeFromNow",
            kind="stat",
            width=4,
        ),
        DashboardPanel(
            title="Cells left",
            description="As the campaign goes on.",
            queries=(PanelQuery(f'{PREFIX}cells{{state="left"}}', "left"),),
            width=6,
        ),
        DashboardPanel(
            title="Requests",
            description="Requests of the windows that are over, by outcome.",
            queries=(PanelQuery(f"sum by (outcome) ({_live('requests_total')})", "{{outcome}}"),),
            width=6,
        ),
    )


def _windows() -> tuple[DashboardPanel, ...]:
    response = "window_response_seconds"
    return (
        DashboardPanel(
            title="Rate",
            description="Planned and answered requests per second, in the last window.",
            queries=(
                PanelQuery(_live("window_due_per_second"), f"{_NAME} planned"),
                PanelQuery(_live("window_answered_per_second"), f"{_NAME} answered"),
            ),
            unit="reqps",
        ),
        DashboardPanel(
            title="Response time",
            description="Exact percentiles of the client, from the planned send time.",
            queries=(
                PanelQuery(_live(response, 'percentile="p50"'), f"{_NAME} p50"),
                PanelQuery(_live(response, 'percentile="p99"'), f"{_NAME} p99"),
            ),
            unit="s",
        ),
    )


def _servers() -> tuple[DashboardPanel, ...]:
    return (
        DashboardPanel(
            title="Errors",
            description="Share of the requests that failed, in the last window.",
            queries=(PanelQuery(_live("window_error_ratio"), _NAME),),
            unit="percentunit",
            width=8,
        ),
        DashboardPanel(
            title="Server's CPUs",
            description="CPUs that the server's processes kept busy, in the last window.",
            queries=(PanelQuery(_live("window_server_cpus"), _NAME),),
            width=8,
        ),
        DashboardPanel(
            title="Server's memory",
            description="Proportional set size of the server's processes.",
            queries=(PanelQuery(_live("window_server_memory_bytes"), _NAME),),
            unit="bytes",
            width=8,
        ),
    )


def _result(told: ResultMetric) -> DashboardPanel:
    """The mean of a campaign's rounds, where several are there."""
    # A campaign's results are there for minutes, or of a stored one at one moment alone.
    last = f"last_over_time({told.name}{{{_CHOSEN}}}[$__rate_interval])"
    over_rounds = f"avg by (variant, benchmark) ({last})"
    return DashboardPanel(
        title=told.title,
        description=told.help,
        queries=(PanelQuery(over_rounds, _NAME),),
        unit=_UNITS.get(told.unit, "short"),
        width=6,
        points=True,
    )
