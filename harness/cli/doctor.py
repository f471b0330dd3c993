"""`harness doctor`: is this host fit to measure on; what to change."""

from __future__ import annotations

import json

import click

from harness.base.errors import EXIT_FAILED, EXIT_OK
from harness.cli import _say


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> int:
    """Check whether this host is fit for measuring, and say what to change.

    It tries the generator against the null server, as a campaign does before its first cell.
    """
    from harness.measure.campaign import host_proof
    from harness.measure.watch import host

    _say.line("proving the generator, which takes a few seconds", err=True)
    facts, doubts = host.environment(), host_proof.by_itself()
    if as_json:
        rows = [{"name": d.name, "fit": d.fit, "message": d.message} for d in doubts]
        _say.lines(json.dumps({"environment": facts, "checks": rows}, indent=1))
    else:
        for key, value in facts.items():
            _say.line(f"{key:<16} {value}")
        _say.line()
        for doubt in doubts:
            _say.line(f"{doubt.fit:<8} {doubt.name}: {doubt.message}")
    return EXIT_FAILED if any(doubt.fit == "unfit" for doubt in doubts) else EXIT_OK
