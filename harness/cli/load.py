"""`harness load URL`: a driver against any HTTP endpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from harness.base.trust import SYSTEM, UNCHECKED
from harness.cli import _bodies, _interrupted, _say
from harness.cli._affordable import require_room, require_some
from harness.cli._anyway import anyway_option, require_quiet
from harness.cli._named import DRIVER, SHAPE
from harness.cli._numbers import POSITIVE, SECONDS
from harness.cli._tls import tls_options, trust

if TYPE_CHECKING:
    from harness.stored.records import Window
    from harness.windows.profiles import Profile


_NOBODY = "error: No request was sent in this window: give a longer --duration."


@click.command("load")
@click.argument("url")
@click.option("--rate", type=POSITIVE, help="Requests per second.")
@click.option("--rate-to", type=POSITIVE, help="Last rate of a ramp, highest rate of a spike.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Number of callers or users.")
@click.option("--think", type=SECONDS, help="Mean think time of a user, in seconds.")
@click.option(
    "--duration",
    type=SECONDS,
    default=10.0,
    show_default=True,
    help="Seconds.",
)
@click.option("--profile", "shape", type=SHAPE, help="Default: poisson with --rate, else closed.")
@_bodies.options
@click.option(
    "--timeout",
    type=SECONDS,
    default=10.0,
    show_default=True,
    help="Seconds.",
)
@click.option(
    "--max-answer",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Largest accepted answer, in MiB.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Seed of the arrival times.",
)
@click.option("--driver", type=DRIVER, default="native", show_default=True, help="Load driver.")
@click.option("--master", help="With --driver locust: HOST:PORT where workers reach it.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Number of Locust workers on other machines."
)
@tls_options
@anyway_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(**options: Any) -> int:
    """Load one endpoint and print percentiles of its response time and service time."""
    measured = _measured(options)
    if measured is None:
        if options["as_json"]:
            _say.lines(_interrupted.loaded(insecure=options["insecure"]))
        _say.line(_interrupted.TOO_SOON, err=True)
        return EXIT_INTERRUPTED
    from harness.analyse.run import endpoint

    window, unanswered = measured
    found = (
        endpoint.summary(window)
        | {"insecure": options["insecure"]}
        | _cut_short(window, unanswered)
    )
    if options["as_json"]:
        _say.lines(json.dumps(found, indent=1))
    else:
        if unanswered is not None:
            after_s = f"{window.facts.profile.duration_s:.1f} s"
            _say.line(f"interrupted after {after_s}; left out: {unanswered} unanswered requests")
        for line in endpoint.lines(found):
            _say.line(line)
        if options["insecure"]:
            _say.line(f"warning: {UNCHECKED}")
    if unanswered is not None:
        _say.line(_interrupted.CUT_SHORT, err=True)
        return EXIT_INTERRUPTED
    if not found["requests"]:
        _say.line(_NOBODY, err=True)
    return EXIT_OK if found["ok"] else EXIT_FAILED


def _measured(options: dict[str, Any]) -> tuple[Window, int | None] | None:
    """The window, and where a signal cut it short, how many had no answer yet; None where it came
    before the window began."""
    try:
        from harness.measure.campaign.interruption import Cut

        try:
            return _fire(options), None
        except Cut as cut:
            return cut.window, cut.unanswered
    except KeyboardInterrupt:
        return None


def _cut_short(window: Window, unanswered: int | None) -> dict[str, Any]:
    """The part of `load --json` about an interruption. A shape that changes along the window has no
    planned rate for a part of it."""
    if unanswered is None:
        return {"interrupted": False}
    found: dict[str, Any] = {"interrupted": True, "unanswered": unanswered}
    if window.facts.profile.rate_to_per_s is not None:
        found["planned_rate"] = None
    return found


def _profile(options: dict[str, Any]) -> Profile:
    from harness.setup.catalog import pick
    from harness.windows.profiles import CLOSED, USERS, Profile, needs, shape_names

    rate, concurrency, think = options["rate"], options["concurrency"], options["think"]
    if (rate is None) == (concurrency is None):
        raise UsageError("Give either --rate (open loop) or --concurrency (closed loop).")
    callers = CLOSED if think is None else USERS
    shape = options["shape"] or ("poisson" if rate is not None else callers)
    pick("profile", shape, dict.fromkeys(shape_names()))
    if (shape in (CLOSED, USERS)) != (concurrency is not None):
        raise UsageError(f"The profile {shape!r} does not go with the options given.")
    if (shape == USERS) != (think is not None):
        raise UsageError("--think goes with the profile 'users', which needs it.")
    if ("rate_to_per_s" in needs(shape)) != (options["rate_to"] is not None):
        has = "needs" if options["rate_to"] is None else "has no"
        raise UsageError(f"The profile {shape!r} {has} --rate-to.")
    return Profile(
        "load",
        shape,
        options["duration"],
        rate_per_s=rate,
        rate_to_per_s=options["rate_to"],
        concurrency=concurrency,
        think_s=think,
    )


def _fire(options: dict[str, Any]) -> Window:
    from harness.cli import _select
    from harness.measure.campaign import interruption
    from harness.measure.load import drivers
    from harness.measure.watch import host

    profile, order = _profile(options), _select.driver(options)
    require_quiet(options)
    require_some(profile)
    require_room(profile)
    trusted = trust(options, options["url"])
    if profile.think_s is not None and trusted != SYSTEM and order.name != drivers.NATIVE:
        raise UsageError(
            "--cacert, --cert, --key and --insecure don't go with Locust's users: leave "
            "--driver out."
        )
    made = _bodies.endpoint(options["url"], options, options["timeout"], trusted)
    endpoint = replace(made, max_answer_bytes=options["max_answer"] << 20)
    with drivers.make(host.split_cpus()[1], order) as generator:
        window = endpoint.load(generator, profile, options["seed"])
        interruption.pass_over()
        return window
