"""`harness load URL`: a driver against any HTTP endpoint."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.errors import EXIT_FAILED, EXIT_OK, UsageError

if TYPE_CHECKING:
    from harness.profiles import Profile
    from harness.records import Window


class _Positive(click.FloatRange):
    """Above zero, and a number: FloatRange lets `nan` and `inf` pass."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number that can be counted with.", param, ctx)
        return number


_POSITIVE = _Positive(min=0, min_open=True)


@click.command("load")
@click.argument("url")
@click.option("--rate", type=_POSITIVE, help="Requests per second.")
@click.option("--rate-to", type=_POSITIVE, help="Ramp end, spike peak.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Callers or users.")
@click.option("--think", type=_POSITIVE, help="Mean seconds that a user thinks.")
@click.option(
    "--duration",
    type=_POSITIVE,
    default=10.0,
    show_default=True,
    help="Seconds.",
)
@click.option(
    "--profile", "shape", help="poisson (default), constant, ramp, spike, closed or users."
)
@click.option(
    "--body",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the request's body; makes the request a POST.",
)
@click.option("--header", "headers", multiple=True, help="'Name: value'; may be repeated.")
@click.option(
    "--timeout",
    type=_POSITIVE,
    default=10.0,
    show_default=True,
    help="Seconds.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the arrival times.")
@click.option("--driver", default="native", show_default=True, help="What sends the load.")
@click.option("--master", help="With --driver locust: HOST:PORT where workers find it.")
@click.option("--workers", type=click.IntRange(min=1), help="Of Locust, from elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(**options: Any) -> int:
    """Load one endpoint and print percentiles of its response and service time."""
    from harness.analyse import endpoint

    window = _fire(options)
    found = endpoint.summary(window)
    if options["as_json"]:
        click.echo(json.dumps(found, indent=1))
    else:
        for line in endpoint.lines(found):
            click.echo(line)
    return EXIT_OK if found["ok"] else EXIT_FAILED


def _profile(options: dict[str, Any]) -> Profile:
    from harness.catalog import pick
    from harness.profiles import CLOSED, USERS, Profile, needs, shape_names

    rate, concurrency, think = options["rate"], options["concurrency"], options["think"]
    if (rate is None) == (concurrency is None):
        raise UsageError("Give either --rate (open loop) or --concurrency (closed loop).")
    callers = CLOSED if think is None else USERS
    shape = options["shape"] or ("poisson" if rate is not None else callers)
    pick("profile", shape, dict.fromkeys(shape_names()))
    if (shape in (CLOSED, USERS)) != (concurrency is not None):
        raise UsageError(f"The profile {shape!r} does not go with the options given.")
    if (shape == USERS) != (think is not None):
        raise UsageError("The profile 'users' needs --think, and no other has it.")
    if "rate_to_per_s" in needs(shape) and options["rate_to"] is None:
        raise UsageError(f"The profile {shape!r} needs --rate-to.")
    return Profile("load", shape, options["duration"], rate, options["rate_to"], concurrency, think)


def _fire(options: dict[str, Any]) -> Window:
    from harness.cli import _select
    from harness.measure import drivers, host
    from harness.measure.endpoint import Endpoint
    from harness.measure.headers import filled, given
    from harness.measure.target import split

    profile, order = _profile(options), _select.driver(options)
    _select.require_fired(order, [profile])
    body = options["body"].read_bytes() if options["body"] else b""
    split(options["url"], ("http", "https"))
    headers = filled(given(options["headers"]))
    endpoint = Endpoint(options["url"], body, headers, options["timeout"])
    with drivers.make(host.split_cpus()[1], order) as generator:
        return endpoint.load(generator, profile, options["seed"])
