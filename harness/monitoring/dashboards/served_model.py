"""One dashboard for any served model: rate, errors, duration; its SLO; saturation; batches."""

from __future__ import annotations

from harness.monitoring import rules, served
from harness.monitoring.burning import BURNS
from harness.monitoring.dashboards import Choice, DashboardPage, DashboardPanel, PanelQuery
from harness.setup.slo import Slo

_CHOSEN = 'framework=~"$framework", variant=~"$variant"'
_NAME = "{{framework}} {{variant}}"


def dashboard(slo: Slo) -> DashboardPage:
    """Of the series that the rules of served models record."""
    return DashboardPage(
        uid="serving-model",
        title="Served model",
        description="What the frameworks' own metrics say, by the recording rules of the Serving "
        "Harness. Times are the server's: they begin when it has the request.",
        choices=(Choice("framework", served.REQUESTS), Choice("variant", served.REQUESTS)),
        rows=(
            ("Rate, errors, duration", _red()),
            (f"Service-level objective: {slo}", _slo()),
            ("Saturation", _saturation()),
            ("Batches", (_batches(),)),
        ),
        since="now-1h",
        refresh="10s",
    )


def _chosen(record: str, *more: str) -> str:
    """The series of what is chosen, over all jobs."""
    return f"max by (framework, variant) ({record}{{{', '.join((_CHOSEN, *more))}}})"


def _red() -> tuple[DashboardPanel, ...]:
    failed = f"{_chosen(served.FAILED)} / ({_chosen(served.REQUESTS)} > 0)"
    times = [
        PanelQuery(_chosen(served.duration(share)), f"{_NAME} p{100 * share:g}")
        for share in served.QUANTILES.values()
    ]
    return (
        DashboardPanel(
            title="Requests",
            description="Answered and failed, per second, over five minutes.",
            queries=(PanelQuery(_chosen(served.REQUESTS), _NAME),),
            unit="reqps",
            width=8,
        ),
        DashboardPanel(
            title="Errors",
            description="Share of the requests that failed, over five minutes, of frameworks that "
            "count them.",
            queries=(PanelQuery(failed, _NAME),),
            unit="percentunit",
            width=8,
        ),
        DashboardPanel(
            title="Duration",
            description="Percentiles from the server's histogram: as wrong as its buckets are "
            "wide. A framework without a histogram has its mean alone.",
            queries=(*times, PanelQuery(_chosen(served.MEAN_S), f"{_NAME} mean")),
            unit="s",
            width=8,
        ),
    )


def _slo() -> tuple[DashboardPanel, ...]:
    factors = tuple(sorted({burn.factor for burn in BURNS}))
    return tuple(
        DashboardPanel(
            title=f"Burn rate: {name}",
            description="Bad requests as a multiple of what the SLO allows; 1 uses up a budget of "
            "30 days in 30 days. The lines are the factors of the alerts.",
            queries=tuple(
                PanelQuery(_burn(name, window), f"{_NAME} {window}")
                for window in ("5m", "1h", "6h", "3d")
            ),
            lines=factors,
        )
        for name in ("errors", "latency")
    )


def _burn(name: str, window: str) -> str:
    chosen = _chosen(rules.bad(window), f'slo="{name}"')
    return f'{chosen} / scalar(max({rules.BUDGET}{{slo="{name}"}}))'


def _saturation() -> tuple[DashboardPanel, ...]:
    waits = (
        PanelQuery(_chosen(served.QUEUE_S), f"{_NAME} queue"),
        PanelQuery(_chosen(served.MODEL_S), f"{_NAME} model"),
    )
    return (
        DashboardPanel(
            title="In flight",
            description="Requests that the server has and has not answered, by its own gauge.",
            queries=(PanelQuery(_chosen(served.IN_FLIGHT), _NAME),),
            width=6,
        ),
        DashboardPanel(
            title="Queue and model",
            description="Mean time before the model and in it, of frameworks that tell them apart.",
            queries=waits,
            unit="s",
            width=6,
        ),
        DashboardPanel(
            title="CPU",
            description="CPUs kept busy, of servers whose client library exports it.",
            queries=(PanelQuery(_chosen(served.CPUS), _NAME),),
            width=6,
        ),
        DashboardPanel(
            title="Memory",
            description="Resident set, of servers whose client library exports it.",
            queries=(PanelQuery(_chosen(served.MEMORY), _NAME),),
            unit="bytes",
            width=6,
        ),
    )


def _batches() -> DashboardPanel:
    return DashboardPanel(
        title="Batch size",
        description="Mean number of instances in a call to the model, of frameworks that count "
        "both.",
        queries=(PanelQuery(_chosen(served.BATCH), _NAME),),
    )
