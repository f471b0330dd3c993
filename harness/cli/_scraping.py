"""How often a server's metrics are asked for while it is measured, of `run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from harness.setup.tables import PresetTable

OPTION = click.option(
    "--scrape-every",
    type=click.FloatRange(min=0.1, max=3600),
    metavar="SECONDS",
    help="Ask servers for their metrics during windows too, as Prometheus does.",
)


def preset(options: dict[str, Any]) -> PresetTable:
    """The preset, with the interval that was asked for in place of its own. Raises UsageError."""
    from harness.setup import catalog

    found: PresetTable = catalog.pick("preset", options["preset"], catalog.presets())
    every_s = options["scrape_every"]
    return found if every_s is None else found.model_copy(update={"scrape_every_s": every_s})
