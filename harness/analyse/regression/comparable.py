"""Whether two campaigns may be set beside each other; every reason why not, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.analyse.field.comparison import Row
from harness.stored.hosts import machine_id
from harness.stored.records import BenchmarkFacts, Campaign
from harness.windows.profiles import Profile

# Shares of a capacity that is measured anew each time give rates that differ a little. A queue in
# use at 30% answers 4% later where the rate is 10% higher: less than the least effect of a latency.
RATES_APART = 1.10
_OF_VARIANT = ("track", "launcher", "protocol", "backend", "device")


def campaigns(base: Campaign, new: Campaign, benchmarks: list[str]) -> Iterator[str]:
    """Why nothing of two campaigns can be compared, on those benchmarks."""
    yield from _other("machine", machine_id(base.environment), machine_id(new.environment))
    yield from _other("preset", base.preset, new.preset)
    yield from _other("driver", base.driver, new.driver)
    yield from _other("device", base.device, new.device)
    for what in ("server_cpus", "generator_cpus"):
        count, other = len(getattr(base, what)), len(getattr(new, what))
        yield from _other(f"number of {what.removesuffix('_cpus')} CPUs", count, other)
    for name in benchmarks:
        ours, theirs = base.benchmarks.get(name), new.benchmarks.get(name)
        if ours is not None and theirs is not None:
            yield from _benchmark(name, ours, theirs)


def variants(name: str, base: Row, new: Row) -> Iterator[str]:
    """Why two rows are not of one thing."""
    for what in _OF_VARIANT:
        there, here = getattr(base.server, what), getattr(new.server, what)
        yield from _other(f"{what} of {name}", there, here)


def notes(base: Campaign, new: Campaign) -> Iterator[str]:
    """Differences that do not prevent a comparison."""
    machine = ("machine", "cpus", "memory")
    for key in dict.fromkeys((*base.environment, *new.environment)):
        if key not in machine:
            there, here = (found.environment.get(key, "") for found in (base, new))
            yield from _other(key, there, here)
    for name, ours in base.benchmarks.items():
        theirs = new.benchmarks.get(name)
        rates = _rates(ours), _rates(theirs) if theirs else {}
        apart = [p for p in rates[0] if p in rates[1] and rates[0][p] != rates[1][p]]
        if apart:
            there, here = (", ".join(f"{found[p]:.1f}/s" for p in apart) for found in rates)
            yield (
                f"the rates of {name} ({', '.join(apart)}) are shares of a capacity that was "
                f"measured again: {there} and {here}; requests are not paired"
            )


def same_load(base: BenchmarkFacts | None, new: BenchmarkFacts | None) -> bool:
    """Whether request i of the one is request i of the other."""
    return base is not None and new is not None and base.profiles == new.profiles


def _benchmark(name: str, base: BenchmarkFacts, new: BenchmarkFacts) -> Iterator[str]:
    yield from _other(f"version of {name}", base.version, new.version)
    yield from _other(f"number of payloads of {name}", base.payloads, new.payloads)
    made_up, other = (
        "synthetic weights" if facts.synthetic else "real weights" for facts in (base, new)
    )
    yield from _other(f"model of {name}", made_up, other)
    if base.content and new.content:
        yield from _other(f"content of {name}", base.content, new.content)
    elif made_up == other and base.artefact != new.artefact:
        yield f"other model of {name}: the measurements of its build differ"
    yield from _other(f"SLO of {name}", base.slo, new.slo)
    yield from _other(f"time for the search on {name}", base.capacity_s, new.capacity_s)
    yield from _other(f"share of payloads verified on {name}", base.verify_share, new.verify_share)
    ours, theirs = ({p.name: p for p in facts.profiles} for facts in (base, new))
    yield from _other(f"profiles of {name}", ", ".join(ours), ", ".join(theirs))
    for profile in ours.keys() & theirs.keys():
        yield from _profile(f"{profile} of {name}", ours[profile], theirs[profile])


_REPEATS = ("popularity", "exponent", "unseen_share")


def _profile(what: str, base: Profile, new: Profile) -> Iterator[str]:
    for field in ("shape", "duration_s", "concurrency", "think_s", *_REPEATS):
        yield from _other(f"{field.removesuffix('_s')} of {what}", *_both(base, new, field))
    for field in ("rate_per_s", "rate_to_per_s"):
        there, here = _both(base, new, field)
        if there and here and not 1 / RATES_APART <= here / there <= RATES_APART:
            yield (
                f"other rate of {what}: {there:.1f}/s and {here:.1f}/s, over "
                f"{RATES_APART - 1:.0%} apart (it is a share of the capacity in process; give "
                "rate_per_s instead, or compare in one campaign: run --against)"
            )
        elif (there is None) != (here is None):
            yield f"other rate of {what}"


def _both(base: Profile, new: Profile, field: str) -> tuple[Any, Any]:
    return getattr(base, field), getattr(new, field)


def _rates(facts: BenchmarkFacts) -> dict[str, float]:
    return {p.name: p.rate_per_s for p in facts.profiles if p.rate_per_s is not None}


def _other(what: str, base: object, new: object) -> Iterator[str]:
    if base != new:
        yield f"other {what}: {_shown(base)} and {_shown(new)}"


def _shown(value: object) -> str:
    return "none" if value in ("", None) else str(value)
