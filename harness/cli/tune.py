"""`harness tune`: the setting of a variant's knobs with the highest capacity at an SLO."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import EXIT_INTERRUPTED, UsageError
from harness.cli import _places, _say, _servers
from harness.cli._named import BENCHMARK, CAMPAIGN, VARIANT

if TYPE_CHECKING:
    from harness.measure.tune.trials import Order
    from harness.stored.records import Campaign


@click.command("tune")
@click.argument("variants", nargs=-1, type=VARIANT)
@click.option("--slo", help="Such as p99<50ms or 'p99<50ms, errors<0.1%'.")
@click.option("--memory", help="Memory limit of a setting: 500m, 2g.")
@click.option("--budget", help="Time for the whole tune: 90s, 10m, 1h.  [default: 10m]")
@click.option(
    "--search", default="8s", show_default=True, help="Time for a setting's first capacity search."
)
@click.option(
    "--benchmark", type=BENCHMARK, default="sentiment", show_default=True, help="Benchmark."
)
@_servers.SYNTHETIC_WEIGHTS
@_servers.DEVICE
@click.option("--campaign", "name", help="Name of the new campaign.")
@click.option("--resume", type=CAMPAIGN, help="Continue an interrupted tune.")
@click.option("--write", is_flag=True, help="Write the best setting to server.toml.")
@click.option(
    "--as", "kept_as", show_default="VARIANT-tuned", help="Name of the variant that is written."
)
@_places.options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(**options: Any) -> int:
    """Search for the setting of variants' knobs with the highest capacity at an SLO."""
    from harness.cli import _tune_order, _tuned
    from harness.measure.tune import trials

    order, resumed = _tune_order.of(options)
    names = _tune_order.kept_names(order, options)
    if resumed is None:
        trials.require_time(order)
    _measure(order, resumed)
    return _tuned.conclude(order, names, options)


def _measure(order: Order, resumed: Campaign | None) -> None:
    from harness.analyse.tune import outcome as analysis
    from harness.cli import _tune_progress
    from harness.measure.tune import trials

    observer = _tune_progress.observer(order.tuning)
    hint = f"Continue with: python -m harness tune --resume {order.request.id}"
    try:
        trials.run(order, observer, analysis.judge, observer.told, resumed)
    except KeyboardInterrupt:
        observer.close()
        stored = (order.request.folder / "campaign.json").exists()
        _say.line(
            f"Interrupted. Finished runs are stored. {hint if stored else ''}".rstrip(), err=True
        )
        sys.exit(EXIT_INTERRUPTED)
    except UsageError as error:
        if (order.request.folder / "campaign.json").exists() and "--budget" in str(error):
            raise UsageError(f"{error} {hint} --budget TIME.") from error
        raise
    finally:
        observer.close()
