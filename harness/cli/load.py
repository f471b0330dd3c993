"""`harness load URL`: the native driver against any HTTP endpoint."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from harness.errors import EXIT_FAILED, EXIT_OK, UsageError


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
@click.option("--concurrency", type=click.IntRange(min=1), help="Callers of a closed loop.")
@click.option(
    "--duration",
    type=_POSITIVE,
    default=10.0,
    show_default=True,
    help="Seconds.",
)
@click.option("--profile", "shape", help="poisson (default), constant, ramp, spike or closed.")
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


def _profile(options: dict[str, Any]) -> Any:
    from harness.catalog import pick
    from harness.profiles import CLOSED, Profile, needs, shape_names

    rate, concurrency = options["rate"], options["concurrency"]
    if (rate is None) == (concurrency is None):
        raise UsageError("Give either --rate (open loop) or --concurrency (closed loop).")
    shape = options["shape"] or ("poisson" if rate is not None else CLOSED)
    pick("profile", shape, dict.fromkeys(shape_names()))
    if (shape == CLOSED) != (concurrency is not None):
        raise UsageError(f"The profile {shape!r} does not go with the options given.")
    if "rate_to_per_s" in needs(shape) and options["rate_to"] is None:
        raise UsageError(f"The profile {shape!r} needs --rate-to.")
    return Profile("load", shape, options["duration"], rate, options["rate_to"], concurrency)


def _fire(options: dict[str, Any]) -> Any:
    import numpy as np

    from harness.measure import host
    from harness.measure.driver.job import Job
    from harness.measure.driver.native import Generator, requests_of
    from harness.measure.headers import filled, given
    from harness.measure.moment import Watcher
    from harness.measure.target import target
    from harness.profiles import due_times
    from harness.protocols import Message
    from harness.records import Window, WindowFacts
    from harness.samples import Calls, Usage, empty

    profile = _profile(options)
    body = options["body"].read_bytes() if options["body"] else b""
    headers = {"Content-Type": "application/json"} if body else {}
    headers |= filled(given(options["headers"]))
    goal = target(options["url"], [Message(body)], headers, "POST" if body else "GET")
    due = due_times(profile, options["seed"]) if profile.is_open else None
    payload = np.zeros(1 if due is None else len(due), np.int64)
    job = Job(
        goal,
        0,
        int(profile.duration_s * 1e9),
        payload,
        due,
        profile.concurrency or 16,
        None,
        int(options["timeout"] * 1e9),
        0,
    )
    _, cpus = host.split_cpus()
    with Generator(cpus) as generator:
        generator.make_ready()  # what its processes import is no load of the host's own
        watcher = Watcher(cpus)
        fired = generator.fire(job, watcher.sample)
    steal, seen = watcher.end()
    facts = WindowFacts(profile, fired.elapsed_s, fired.cpu_s, len(cpus), steal, 0, 0, host=seen)
    return Window(facts, requests_of(fired), empty(Usage), empty(Calls))
