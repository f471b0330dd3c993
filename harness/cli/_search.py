"""The search for a capacity at one URL, and how what was found is told, of variants too."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.base.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from harness.base.secrecy import shown
from harness.base.trust import UNCHECKED
from harness.cli import _bodies, _interrupted, _launching, _say
from harness.cli._anyway import require_quiet
from harness.cli._tls import trust

if TYPE_CHECKING:
    from harness.analyse.run.capacity import Found
    from harness.measure.campaign.endpoint import MessageEndpoint
    from harness.setup.slo import Slo
    from harness.stored.records import Window
    from harness.windows.profiles import Profile


def command(url: str, options: dict[str, Any]) -> int:
    """Search, and print what was found; the exit code."""
    probes: list[Window] = []
    ended, cut = "", False
    try:
        ended = _search(url, options, probes)
    except KeyboardInterrupt:
        cut = True
    if cut and not probes:
        if options["as_json"]:
            slo_text, insecure = options["slo_text"], options["insecure"]
            _say.lines(_interrupted.searched(url, slo_text, insecure=insecure))
        _say.line(_interrupted.TOO_SOON_FOR_A_PROBE, err=True)
        return EXIT_INTERRUPTED
    from harness.analyse.run import capacity
    from harness.setup import slo

    found = capacity.of_probes(probes, slo.parse(_wanted(options)), ended)
    addresses = list(dict.fromkeys(each for w in probes for each in w.facts.addresses))
    if not options["as_json"]:
        for address in addresses:
            if address not in url:
                _say.line(f"address    {address}", err=True)
    return tell([({"url": shown(url), "addresses": addresses}, found)], options, cut=cut)


def tell(
    found: list[tuple[dict[str, Any], Found]], options: dict[str, Any], *, cut: bool = False
) -> int:
    """Print what was found of each, whose name comes first in what it is; the exit code."""
    from harness.analyse.run import capacity_words

    if options["as_json"]:
        results = [what | capacity_words.as_json(each) for what, each in found]
        _say_json(str(found[0][1].slo) if found else None, results, options, cut=cut)
    else:
        for what, each in found:
            _say.line(f"{next(iter(what.values()))}: {capacity_words.sentence(each)}")
            for line in capacity_words.path(each):
                _say.line(f"  {line}")
        if options["insecure"]:
            _say.line(f"warning: {UNCHECKED}")
    if cut:
        _say.line(_interrupted.CUT_SHORT, err=True)
        return EXIT_INTERRUPTED
    met = [each.estimate.rate_per_s is not None for _, each in found]
    return EXIT_OK if met and all(met) else EXIT_FAILED


def budget(options: dict[str, Any]) -> float:
    """The seconds of a search. Raises UsageError for fewer than one takes."""
    from harness.cli import _select
    from harness.measure.cell import capacity_search

    seconds = _select.seconds(options["budget"]) or 0.0
    if seconds < capacity_search.LEAST_S:
        raise UsageError(
            f"--budget {options['budget']} is too short for a search: give "
            f"{capacity_search.LEAST_S:g}s or more."
        )
    return seconds


def _say_json(
    slo: str | None, results: list[dict[str, Any]], options: dict[str, Any], *, cut: bool
) -> None:
    insecure = {"insecure": True} if options["insecure"] else {}
    whole = {"slo": slo, "results": results, "interrupted": cut, **insecure}
    _say.lines(json.dumps(whole, indent=1))


def _search(url: str, options: dict[str, Any], probes: list[Window]) -> str:
    """Why the search ended before it was done, else empty; each probe is added when it is over.

    Raises UsageError.
    """
    from harness.setup import slo

    _require_of_a_url(options)
    budget_s = budget(options)
    require_quiet(options)
    wanted = slo.parse(_wanted(options))
    trusted = trust(options, url)
    made = _bodies.endpoint(url, options, max(10 * wanted.limit_ns / 1e9, 2.0), trusted)
    endpoint = replace(made, max_answer_bytes=(options["max_answer"] or 64) << 20)
    return _probed(endpoint, wanted, budget_s, probes)


def _probed(endpoint: MessageEndpoint, wanted: Slo, budget_s: float, probes: list[Window]) -> str:
    from harness.measure.campaign import interruption
    from harness.measure.cell import capacity_search
    from harness.measure.load.generator.pool import Generator
    from harness.measure.watch import host

    def probe(profile: Profile) -> Window:
        window = endpoint.load(generator, profile, capacity_search.seed_of(profile))
        if profile.is_open:  # not the closed loop that says where to begin
            probes.append(window)
        return window

    message = endpoint.messages[0]
    with Generator(host.split_cpus()[1]) as generator:
        found, _ = capacity_search.find(
            capacity_search.SearchOrder(
                slo=wanted, budget_s=budget_s, longest_s=budget_s, ceiling_per_s=None
            ),
            None,
            probe,
            lambda: capacity_search.wait_until_idle(endpoint.ask, message, wanted),
        )
        interruption.pass_over()
    return found.ended


def _require_of_a_url(options: dict[str, Any]) -> None:
    """Raises UsageError for an option that means nothing with a URL."""
    for name in ("benchmark", "launchers", *_launching.given(options)):
        if options[name]:
            flag = "launcher" if name == "launchers" else name.replace("_", "-")
            raise UsageError(f"--{flag} goes with variants, not with a URL.")


def _wanted(options: dict[str, Any]) -> str:
    if not options["slo_text"]:
        raise UsageError("A URL needs an SLO, such as --slo 'p99<50ms'.")
    return str(options["slo_text"])
