"""Load beside a campaign: each would measure the other."""

from __future__ import annotations

from typing import Any

import click

from harness.base.errors import UsageError
from harness.cli import _say

anyway_option = click.option(
    "--anyway", is_flag=True, help="Run even while a campaign measures on this machine."
)


def require_quiet(options: dict[str, Any]) -> None:
    """Raises UsageError while a campaign measures here; with `--anyway` warns."""
    from harness.measure.campaign import session

    process = session.measuring()
    if process is None:
        return
    said = f"A campaign is measuring on this machine (process {process}): "
    if not options["anyway"]:
        raise UsageError(f"{said}this load would distort its numbers. Wait, or give --anyway.")
    _say.line(f"warning: {said}neither its numbers nor these are reliable.", err=True)
