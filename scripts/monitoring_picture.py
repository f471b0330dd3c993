"""Draw what the dashboards show of a campaign, by their own queries: docs/images/monitoring.png.

    python scripts/monitoring_picture.py VARIANT ... [--preset NAME] [--benchmark NAME]

It makes the files of `monitoring`, starts Prometheus, runs a campaign that both are told of, asks
Prometheus for what stands in each panel, and draws that as Grafana would.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import prometheus_here
from harness.analyse.run.for_prometheus import result_metrics
from harness.base import paths
from harness.monitoring.dashboards import DashboardPanel, campaigns, served_model
from harness.setup import slo
from prometheus_here import Prometheus

OUT = paths.PROJECT / "docs" / "images" / "monitoring.png"
_EVERY = "2s"
_SLO = "p99<50ms"
_SHOWN = {
    "serving-campaigns": ("Rate", "Response time"),
    "serving-model": ("Requests", "Duration", "Burn rate: latency", "Batch size"),
}
_COLUMNS = 2
_COLOURS = (
    *("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown", "tab:pink"),
    *("tab:gray", "tab:olive", "tab:cyan", "black", "gold", "navy", "lime", "maroon"),
)
_UNITS = {"reqps": "1/s", "s": "s", "percentunit": "share", "bytes": "bytes"}


def main() -> None:
    """Measure, ask, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("variants", nargs="+")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--benchmark", default="iris")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, port = Path(scratch), prometheus_here.free_port()
        made = ("--campaign", f"127.0.0.1:{port}", "--campaign-servers", "--slo", _SLO)
        _harness("monitoring", "--out", str(folder), *made, "--scrape-interval", _EVERY)
        configuration = folder / "prometheus" / "prometheus.yml"
        with prometheus_here.running(configuration, folder / "data") as prometheus:
            began = time.monotonic()
            chosen = ("--benchmark", asked.benchmark, "--preset", asked.preset)
            _harness("run", *asked.variants, *chosen, "--rounds", "1", "--metrics-port", str(port))
            draw(prometheus, time.monotonic() - began, OUT)


def _harness(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "harness", *arguments], check=True)


def draw(prometheus: Prometheus, seconds: float, out: Path) -> None:
    """The chosen panels of both dashboards, over the last seconds."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    told = result_metrics()
    pages = (campaigns.dashboard(told), served_model.dashboard(slo.parse(_SLO)))
    panels = [
        (page.title, panel)
        for page in pages
        for panel in page.panels
        if panel.title in _SHOWN[page.uid]
    ]
    rows = -(-len(panels) // _COLUMNS)
    figure, places = plt.subplots(rows, _COLUMNS, figsize=(12, 3.9 * rows))
    figure.subplots_adjust(left=0.05, right=0.985, top=0.97, bottom=0.09, hspace=0.62, wspace=0.12)
    for place, (title, panel) in zip(places.flat, panels, strict=True):
        _panel(place, f"{title}: {panel.title}", panel, prometheus, seconds)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=75)


def _panel(
    place: Any, title: str, panel: DashboardPanel, prometheus: Prometheus, seconds: float
) -> None:
    place.set_prop_cycle(color=_COLOURS)
    end = time.time()
    for query in panel.queries:
        for each in prometheus.since(
            re.sub(r"\$\w+", ".*", query.expr.replace("$__rate_interval", "1m")), seconds
        ):
            at = [float(moment) - end + seconds for moment, _ in each["values"]]
            values = [float(value) for _, value in each["values"]]
            place.plot(at, values, ".", markersize=3, label=_legend(query.legend, each["metric"]))
    for line in panel.lines:
        place.axhline(line, color="firebrick", linewidth=0.6, linestyle="--")
    place.set_title(title, fontsize=10)
    place.set_xlabel("seconds of the campaign", fontsize=8)
    place.set_ylabel(_UNITS.get(panel.unit, ""), fontsize=8)
    place.set_ylim(bottom=0)
    place.tick_params(labelsize=8)
    place.legend(
        fontsize=6.5, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.14), markerscale=3
    )


def _legend(form: str, labels: dict[str, str]) -> str:
    # A variant's name says the framework, and the whole campaign is of one benchmark.
    short = form.replace("{{framework}} ", "").replace(" on {{benchmark}}", "")
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), short)


if __name__ == "__main__":
    main()
