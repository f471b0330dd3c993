"""A campaign that goes on: what it was asked for comes from its stored plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from harness.base.errors import UsageError

if TYPE_CHECKING:
    from harness.measure.campaign.campaign import CampaignOrder
    from harness.stored.records import Campaign


# Options of `run` that the stored plan decides.
_PLANNED = (
    *("benchmarks", "synthetic_weights", "preset", "launchers", "url", "protocol", "headers"),
    *("cacert", "cert", "key", "insecure", "endpoint_name", "driver", "device", "track"),
    *("exclude", "rounds", "request", "prediction", "unchecked", "beside"),
    *("image", "port", "path", "ready_path", "scrape_every"),
)


def named(options: dict[str, Any]) -> tuple[Campaign | None, str]:
    """The campaign to go on with, if any, whose plan is taken over; and the name."""
    from harness.cli import _select
    from harness.measure.campaign.campaign import new_id
    from harness.stored import store
    from harness.stored.records import SCALE, SWEEP

    if options["resume"]:
        beside = ("variants", "everything", "name", "against")
        if any(options[option] for option in beside):
            raise UsageError("--resume continues a stored plan: leave out the variants.")
        _require_none_ignored()
        resumed = store.read_campaign(_select.stored_campaign(options["resume"]))
        if resumed.tuning is not None:
            raise UsageError(
                f"{resumed.id} is a tune: continue it with `tune --resume {resumed.id}`."
            )
        if resumed.kind in (SWEEP, SCALE):
            what = "a sweep" if resumed.kind == SWEEP else "of `scale`"
            raise UsageError(f"{resumed.id} is {what}, which cannot be resumed. Start a new one.")
        _adopt(options, resumed)
        return resumed, options["resume"]
    name = options["name"] or new_id()
    folder = _select.new_campaign(name)
    if (folder / "campaign.json").exists():
        raise UsageError(f"{folder} exists already. Continue it with --resume {name}.")
    return None, name


def _require_none_ignored() -> None:
    """Refuse options that the stored plan already decides. Raises UsageError."""
    context = click.get_current_context()
    given = [
        param.opts[0]
        for param in context.command.get_params(context)
        if param.name in _PLANNED
        and context.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(
            f"--resume continues a stored plan, which can't be changed: leave out "
            f"{', '.join(given)}."
        )


def _adopt(options: dict[str, Any], resumed: Campaign) -> None:
    from harness.cli._asked import Asked
    from harness.setup.launching import PROCESS

    own = resumed.endpoint
    subjects = dict.fromkeys(cell.subject for cell in resumed.cells)
    options["variants"] = tuple(
        Asked(subject.variant, subject.launcher)
        for subject in subjects
        if not (own and subject.variant == own.name) and subject.revision is None
    )
    options["against"] = resumed.against  # its commit: a branch may have gone on
    options["benchmarks"] = tuple(dict.fromkeys(cell.benchmark for cell in resumed.cells))
    for name in ("preset", "device", "driver"):
        options[name] = getattr(resumed, name)
    options["scrape_every"] = resumed.scrape_every_s or None
    options["launchers"] = (PROCESS,)  # the others are named with their variants
    options["synthetic_weights"] = any(b.synthetic for b in resumed.benchmarks.values())


def require_same(request: CampaignOrder, resumed: Campaign) -> None:
    """Numbers of another machine or another version of a benchmark are not of one campaign."""
    from harness.measure.watch import host
    from harness.stored.hosts import machine_id

    for benchmark in request.benchmarks:
        facts = resumed.benchmarks.get(benchmark.name)
        if facts is not None and facts.version != benchmark.table.version:
            raise UsageError(
                f"Campaign {resumed.id} was started with version {facts.version} of "
                f"{benchmark.name}; it is now {benchmark.table.version}. Start a new one."
            )
    here, there = machine_id(host.environment()), machine_id(resumed.environment)
    if here != there:
        raise UsageError(f"Campaign {resumed.id} was started on another machine ({there}).")
