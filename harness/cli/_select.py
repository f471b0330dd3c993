"""From options to variants, benchmarks and launchers, all checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.base import paths
from harness.base.errors import NothingRan, UsageError, unknown
from harness.cli import _endpoint, _judging, _launching, _patterns, _say, _tls
from harness.cli._asked import Asked
from harness.cli._startable import launched
from harness.measure.campaign import revision
from harness.measure.launch import launchers
from harness.measure.launch.launchers import Launcher
from harness.measure.load import drivers
from harness.measure.load.drivers import DriverOrder
from harness.measure.load.drivers.locust import PUBLIC
from harness.setup import adhoc, canaries, catalog, launching
from harness.setup.catalog import Benchmark, Checkout, Variant
from harness.setup.endpoints import Endpoint
from harness.setup.tables import PresetTable
from harness.stored import plan, store

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of a campaign
_LONGEST = 100
_PAGES = ("history", "index.html")  # beside the reports of campaigns


def variants(
    names: tuple[str | Asked, ...],
    everything: bool,
    track: str | None,
    ways: tuple[str, ...],
    endpoint: Endpoint | None = None,
    exclude: tuple[str, ...] = (),
    image: Variant | None = None,
    tracks: tuple[str, ...] | None = None,
    *,
    usual: bool = False,
) -> list[Variant]:
    """The variants asked for, and the two reference points that every report carries.

    Names may be patterns, such as `triton*`; what a pattern of `exclude` matches is left out. Each
    once for each launcher in `ways`, but for those whose name says which: `NAME@docker`. Where
    these are the `usual` ones, that nobody has named, a variant that has launchers of its own
    comes up by the first of them. The reference points are always processes. Everything is what
    `tracks` has; a track without names is all of that track.
    """
    known = catalog.variants()
    own = [*([adhoc.deployed(endpoint)] if endpoint else []), *([image] if image else [])]
    whole = everything or (track is not None and not names and not own)
    if bool(names) == whole and (whole or not own):
        raise UsageError("Name variants, or give --all. `python -m harness list` shows them.")
    started = partial(launched, known=known, ways=ways, usual=usual)
    chosen = [v for asked in _patterns.variants(names, known) for v in started(asked)]
    if whole:
        wanted = (track,) if track is not None else tracks
        chosen = [v for name in _all(known, wanted) for v in started(Asked(name))]
    chosen = _patterns.without(chosen, exclude, known)
    if track is not None:
        chosen = _patterns.on_track(chosen, track)
        beside = dict.fromkeys(name for v in chosen for name in v.table.beside)
        chosen += [v for name in beside for v in started(Asked(name))]
    for variant in chosen:
        variant.spoken()
    references = [v for v in (canaries.predictor(known), canaries.null(known)) if v]
    return references + [v for v in chosen if v not in references] + own


def _all(known: Mapping[str, Variant], tracks: tuple[str, ...] | None) -> list[str]:
    """The variants that are on those tracks, of any where there are none, but for tests' own."""
    for error in catalog.broken_servers().values():
        _say.line(f"warning: left out: {error.sentence}", err=True)
    public = [v for v in known.values() if v.table.in_all and not v.name.startswith("_")]
    return [v.name for v in public if tracks is None or v.table.track in tracks]


def with_counterparts(
    chosen: list[Variant], checkout: Checkout | None, renames: tuple[str, ...]
) -> tuple[list[Variant], tuple[tuple[str, str], ...]]:
    """(the variants, each followed by that of the other revision; which it does not have)."""
    if checkout is None:
        return chosen, ()
    return revision.counterparts(checkout, chosen, pairs("--rename", renames))


def require_same_load(benchmarks: tuple[Benchmark, ...], checkout: Checkout | None) -> None:
    """Raises UsageError where another revision's benchmark asks other questions."""
    if checkout is not None:
        revision.require_same_load(checkout, benchmarks)


def pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """The names in any number of OLD=NEW. Raises UsageError."""
    found = {}
    for text in given:
        old, equals, new = text.partition("=")
        if not old or not equals or not new:
            raise UsageError(f"{option}: {text!r} is not OLD=NEW.")
        found[old] = new
    return found


def endpoint(options: dict[str, Any], *, implied: bool = False) -> Endpoint | None:
    """The endpoint that `--launcher remote` names, or where that is `implied`, `--url` alone.

    Raises UsageError.
    """
    up_already = any(not launching.of(way).starts for way in options["launchers"])
    if up_already or (implied and options["url"]):
        return _endpoint.named(options)
    if options.get("image"):
        return None
    ours = (
        *("url", "protocol", "request", "prediction", "header", "name"),
        *("answers", "unchecked", "beside", *_tls.NAMES),
    )
    named = options["endpoint_name"] != _endpoint.USUAL_NAME
    given = options | {"header": options["headers"], "name": named}
    if any(given.get(name) for name in ours):
        shown = ", ".join(f"--{name}" for name in ours)
        raise UsageError(f"{shown} go with --launcher remote.")
    return None


def benchmarks(
    names: tuple[str, ...],
    preset: PresetTable,
    synthetic: bool,
    chosen_variants: Sequence[Variant] = (),
) -> list[Benchmark]:
    """The benchmarks asked for, or those of the preset; those that can with synthetic weights.

    One without a predictor is for endpoints that need none. Raises UsageError.
    """
    known = {**catalog.benchmarks(), **catalog.broken_benchmarks()}
    given = _patterns.matching("benchmark", names or preset.benchmarks, known)
    chosen = []
    broken: dict[str, UsageError] = {}
    for name in given:
        try:
            chosen.append(_usable(catalog.benchmark(name), preset))
        except UsageError as error:
            if name in names:  # a person wants it, and not just all that there are
                raise
            broken[name] = error
    for name, wrong in broken.items():
        if not chosen:
            raise wrong
        _say.line(f"left out: {name}: {wrong.sentence}", err=True)
    _judging.require_judged(tuple(chosen_variants), chosen, preset)
    if synthetic and not any(benchmark.table.synthetic for benchmark in chosen):
        asked = ", ".join(benchmark.name for benchmark in chosen)
        raise UsageError(f"--synthetic-weights: none of these benchmarks has any: {asked}.")
    wanted = [plan.of_tracks(benchmark, chosen_variants) for benchmark in chosen]
    return [replace(b, synthetic=synthetic and b.table.synthetic is not None) for b in wanted]


def _usable(benchmark: Benchmark, preset: PresetTable) -> Benchmark:
    """The benchmark, if what it takes is there. Raises UsageError."""
    benchmark.payloads()
    named = [profile.name for profile in benchmark.table.profile]
    if preset.profiles and not set(preset.profiles) & set(named):
        raise UsageError(
            f"{benchmark.name} has no profile that the preset uses "
            f"({', '.join(preset.profiles)}); it has: {', '.join(named)}."
        )
    return benchmark


def with_slo(benchmark: Benchmark, slo: str) -> Benchmark:
    """The benchmark with another SLO."""
    return replace(benchmark, table=benchmark.table.model_copy(update={"slo": slo}))


def launchers_of(
    variants: list[Variant], device: str, options: dict[str, Any] | None = None
) -> dict[str, Launcher]:
    """The launchers of the variants by name, each given its own options.

    Raises NothingRan where one can't be used here, UsageError for an option of another's or a value
    that it can't take.
    """
    given = _launching.given(options or {})
    names = list(dict.fromkeys(variant.launcher for variant in variants))
    _launching.require_used(given, names)
    found: dict[str, Launcher] = {}
    for name in names:
        registered = launchers.registered()[name]
        found[name] = registered.made(given)
        launching.declare(name, registered.configured(given))
        reason = found[name].why_not(device)
        if reason is not None:
            raise NothingRan(f"The launcher {name!r} can't be used here: {reason}.")
    return found


def driver(options: dict[str, Any]) -> DriverOrder:
    """The driver that `--driver` names, with what belongs to it. Raises UsageError."""
    drivers.kind(options["driver"])
    order = DriverOrder(options["driver"], options["master"], options["workers"])
    if order.name == drivers.NATIVE and (order.master or order.workers):
        raise UsageError("--master and --workers go with --driver locust.")
    if order.workers is not None:
        where = order.master or PUBLIC
        _say.line(
            f"waits for {order.workers} workers; on their machines: python -m harness worker "
            f"{where}",
            err=True,
        )
    return order


def campaign_folder(name: str) -> Path:
    """The folder of a campaign of that name. Raises UsageError for an impossible name."""
    # Earlier versions took names that a new campaign can't have any more.
    if not name or name != Path(name).name or name.startswith(".") or "\0" in name:
        raise _no_name(name)
    return paths.results_dir() / name


def stored_campaign(name: str) -> Path:
    """The folder of the stored campaign of that name. Raises UsageError with the nearest name if
    there is none."""
    folder = campaign_folder(name)
    if not (folder / "campaign.json").exists():
        stored_names()  # of none at all, it says how to make one
        raise unknown("campaign", name, store.names(paths.results_dir()))
    return folder


def _no_name(name: str) -> UsageError:
    return UsageError(
        f"{name!r} can't be a campaign's name: use letters (a to z, A to Z), digits, dashes, dots "
        f"and underscores, {_LONGEST} at most, beginning with a letter or a digit."
    )


def new_campaign(name: str) -> Path:
    """The folder of a new campaign of that name. Raises UsageError for a name to avoid."""
    if name == store.EXAMPLE:
        raise UsageError(
            f"{name!r} is the name of the example campaign of the harness, which no list shows: "
            "choose another --campaign."
        )
    if name in _PAGES:
        raise UsageError(f"{name!r} is the name of a page of the reports: choose another.")
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise _no_name(name)
    return campaign_folder(name)


def stored_names() -> list[str]:
    """Every stored campaign, the newest last. Raises UsageError where there is none."""
    folder = paths.results_dir()
    found = store.campaigns(folder)
    if not found:
        there = (folder / store.EXAMPLE / "campaign.json").exists()
        hint = f", or see the example of the harness: `report {store.EXAMPLE}`"
        raise UsageError(
            f"There is no campaign in {folder}. Make one with `run`{hint if there else ''}."
        )
    return [f.name for f in sorted(found, key=lambda f: (f / "campaign.json").stat().st_mtime)]


def seconds(text: str | None) -> float | None:
    """A time as people write it: 90s, 10m, 1.5h. Raises UsageError."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if match is None or not float(match[1]):
        raise UsageError(f"{text!r} is not a duration, such as 90s, 10m or 1h.")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]
