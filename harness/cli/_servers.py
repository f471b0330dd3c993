"""Options of the commands that start variants: how servers are started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from harness.cli._named import LAUNCHER

Function = TypeVar("Function", bound=Callable[..., Any])
SYNTHETIC_WEIGHTS = click.option(
    "--synthetic-weights",
    is_flag=True,
    help="Seeded random weights, for benchmarks that support them.",
)
DEVICE = click.option(
    "--device", type=click.Choice(["cpu", "gpu"]), default="cpu", show_default=True
)
_OPTIONS = (
    SYNTHETIC_WEIGHTS,
    click.option(
        "--launcher",
        "launchers",
        type=LAUNCHER,
        multiple=True,
        show_default="process",
        help="How servers are started.",
    ),
    DEVICE,
)


def options(command: Function) -> Function:
    """All of them, for a command without a preset of the user's, which has launchers of its own."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
