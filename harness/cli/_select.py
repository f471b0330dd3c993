"""From options to variants, benchmarks and launchers, all checked before anything runs."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from harness import catalog, paths, plan
from harness.catalog import AT, REMOTE, Benchmark, Checkout, Variant, pick
from harness.errors import NothingRan, UsageError, unknown
from harness.measure import drivers, headers, launchers, revision
from harness.measure.drivers import DriverOrder
from harness.measure.drivers.locust import PUBLIC
from harness.measure.launchers import Launcher
from harness.measure.launchers.process import ProcessLauncher
from harness.measure.launchers.remote import schemes
from harness.measure.reference import IN_PROCESS, NULL
from harness.measure.target import split
from harness.profiles import Profile
from harness.protocols import registered
from harness.records import Endpoint
from harness.tables import PROCESS, PresetTable


def variants(
    names: tuple[str, ...],
    everything: bool,
    track: str | None,
    ways: tuple[str, ...],
    endpoint: Endpoint | None = None,
) -> list[Variant]:
    """The variants asked for, and the two reference points that every report carries.

    Each once for each launcher in `ways`, but for those whose name says which: `NAME@docker`. The
    reference points are always processes.
    """
    known = catalog.variants()
    if bool(names) == everything and (everything or endpoint is None):
        raise UsageError("Name variants, or give --all. `python -m harness list` shows them.")
    chosen = [v for name in dict.fromkeys(names) for v in _launched(name, known, ways)]
    if everything:
        public = [v for v in known.values() if v.table.in_all and not v.name.startswith("_")]
        chosen = [v for variant in public for v in _launched(variant.name, known, ways)]
    if track is not None:
        chosen = [v for v in chosen if v.table.track == track or v.table.inside]
    for variant in chosen:
        pick("protocol", variant.table.protocol, registered())
    references = [known[name] for name in (IN_PROCESS, NULL) if name in known]
    own = [catalog.deployed(endpoint)] if endpoint else []
    return references + [v for v in chosen if v not in references] + own


def with_counterparts(
    chosen: list[Variant], checkout: Checkout | None, renames: tuple[str, ...]
) -> tuple[list[Variant], tuple[tuple[str, str], ...]]:
    """(the variants, each followed by that of the other revision; which it does not have)."""
    if checkout is None:
        return chosen, ()
    old_by_new = {new: old for old, new in pairs("--rename", renames).items()}
    return revision.counterparts(checkout, chosen, old_by_new)


def require_same_load(benchmarks: tuple[Benchmark, ...], checkout: Checkout | None) -> None:
    """Raises UsageError where another revision's benchmark asks other questions."""
    if checkout is not None:
        revision.require_same_load(checkout, benchmarks)


def pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """What OLD=NEW, given any number of times, says. Raises UsageError."""
    found = {}
    for text in given:
        old, equals, new = text.partition("=")
        if not old or not equals or not new:
            raise UsageError(f"{option}: {text!r} is not OLD=NEW.")
        found[old] = new
    return found


def _launched(name: str, known: dict[str, Variant], ways: tuple[str, ...]) -> list[Variant]:
    """A variant by its name, once for each launcher."""
    own, _, way = name.partition(AT)
    variant: Variant = pick("variant", own, known)
    for found in (way, *ways):
        if found:
            pick("launcher", found, dict(launchers.registered()))
    if variant.table.reference or variant.table.inside:
        return [variant]
    # What is up already needs no launcher; beside it, the others are what they usually are.
    chosen = [way] if way else [PROCESS if w == REMOTE else w for w in dict.fromkeys(ways)]
    return [replace(variant, launcher=way) for way in dict.fromkeys(chosen)]


def endpoint(options: dict[str, Any]) -> Endpoint | None:
    """The endpoint that `--launcher remote` names. Raises UsageError."""
    url, protocol = options["url"], options["protocol"]
    if REMOTE not in options["launchers"]:
        if url or protocol or options["headers"]:
            raise UsageError("--url, --protocol and --header go with --launcher remote.")
        return None
    if not url or not protocol:
        raise UsageError("--launcher remote needs --url and --protocol.")
    rpc = pick("protocol", protocol, registered()).rpc
    parts, _, _ = split(url, schemes(url))
    if url.startswith("grpc") != rpc:
        wanted = "grpc:// or grpcs://" if rpc else "http:// or https://"
        raise UsageError(f"The protocol {protocol!r} needs a URL that starts with {wanted}.")
    if "@" in parts.netloc or parts.query:
        raise UsageError("The URL is stored: give secrets by --header 'Name: $VARIABLE' instead.")
    name = options["endpoint_name"]
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or name in catalog.variants():
        raise UsageError(f"{name!r} can't be the endpoint's name, or is a variant's.")
    templates = headers.given(options["headers"])
    headers.require_no_secret(templates)
    headers.filled(templates)
    return Endpoint(name, url, protocol, templates)


def benchmarks(names: tuple[str, ...], preset: PresetTable, synthetic: bool) -> list[Benchmark]:
    """The benchmarks asked for, or those of the preset; those that can with synthetic weights."""
    known = catalog.benchmarks()
    chosen = [pick("benchmark", name, known) for name in dict.fromkeys(names or preset.benchmarks)]
    for benchmark in chosen:
        benchmark.payloads()
        if not benchmark.predictor("onnx").exists():
            raise UsageError(f"{benchmark.predictor('onnx')} is missing.")
        named = [profile.name for profile in benchmark.table.profile]
        if preset.profiles and not set(preset.profiles) & set(named):
            raise UsageError(
                f"{benchmark.name} has no profile that the preset takes "
                f"({', '.join(preset.profiles)}); it has: {', '.join(named)}."
            )
    if synthetic and not any(benchmark.table.synthetic for benchmark in chosen):
        asked = ", ".join(benchmark.name for benchmark in chosen)
        raise UsageError(f"--synthetic-weights: none of these benchmarks has any: {asked}.")
    return [replace(b, synthetic=synthetic and b.table.synthetic is not None) for b in chosen]


def with_slo(benchmark: Benchmark, slo: str) -> Benchmark:
    """The benchmark with another SLO."""
    return replace(benchmark, table=benchmark.table.model_copy(update={"slo": slo}))


def launchers_of(
    variants: list[Variant], device: str, listen: str | None = None
) -> dict[str, Launcher]:
    """What brings the variants up, by name; processes listen on an address of this machine.

    Raises NothingRan where one can't be used here, UsageError for another machine's address.
    """
    found: dict[str, Launcher] = {}
    for name in dict.fromkeys(variant.launcher for variant in variants):
        found[name] = launchers.registered()[name]()
        if name == PROCESS and listen is not None:
            found[name] = ProcessLauncher(_own_address(listen))
        reason = found[name].why_not(device)
        if reason is not None:
            raise NothingRan(f"The launcher {name!r} can't be used here: {reason}.")
    return found


def _own_address(text: str) -> str:
    """An IPv4 address of this machine: clients on others must know where to go."""
    with socket.socket() as sock:
        try:
            sock.bind((text, 0))
        except OSError as error:
            raise UsageError(f"--listen: {text!r} is no IPv4 address of this machine.") from error
        if text != sock.getsockname()[0] or text == "0.0.0.0":
            raise UsageError(f"--listen: name one address that others reach it by, not {text!r}.")
    return text


def driver(options: dict[str, Any]) -> DriverOrder:
    """The driver that `--driver` names, with what belongs to it. Raises UsageError."""
    drivers.kind(options["driver"])
    order = DriverOrder(options["driver"], options["master"], options["workers"])
    if order.workers is not None:
        where = order.master or PUBLIC
        click.echo(
            f"waits for {order.workers} workers; on their machines: python -m harness worker "
            f"{where}",
            err=True,
        )
    return order


def require_served(
    order: DriverOrder, benchmarks: tuple[Benchmark, ...], preset: PresetTable
) -> None:
    """Raises UsageError where the driver can't fire a profile that the preset takes."""
    for benchmark in benchmarks:
        require_fired(order, plan.absolute(benchmark, preset, 1.0))


def require_fired(order: DriverOrder, profiles: Iterable[Profile]) -> None:
    """Raises UsageError where the driver can't fire one of them."""
    for profile in profiles:
        reason = drivers.why_not(order, profile)
        if reason is not None:
            raise UsageError(reason)


def campaign_folder(name: str) -> Path:
    """Where a campaign of that name is stored. Raises UsageError for a name that is no name."""
    if not name or name != Path(name).name or name.startswith("."):
        raise UsageError(f"{name!r} can't be a campaign's name: use letters, digits and dashes.")
    return paths.results_dir() / name


def stored_campaign(name: str) -> Path:
    """Where the campaign of that name lies. Raises UsageError, with the nearest name, for none."""
    folder = campaign_folder(name)
    if not (folder / "campaign.json").exists():
        raise unknown("campaign", name, stored_names())
    return folder


def stored_names() -> list[str]:
    """Every stored campaign, the newest last. Raises UsageError where there is none."""
    found = sorted(paths.results_dir().glob("*/campaign.json"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise UsageError(f"There is no campaign in {paths.results_dir()}. Make one with `run`.")
    return [path.parent.name for path in found]


def seconds(text: str | None) -> float | None:
    """A time as people write it: 90s, 10m, 1.5h. Raises UsageError."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if match is None or not float(match[1]):
        raise UsageError(f"{text!r} is no time: write for example 90s, 10m or 1h.")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]
