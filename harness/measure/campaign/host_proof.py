"""The proof of the host and the generator before anything is measured on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from harness.base.errors import HarnessError, ProvisionError, UsageError
from harness.measure.campaign import checkup, content, reference, session
from harness.measure.campaign.reference import Prepared
from harness.measure.campaign.tools import Tools
from harness.measure.watch import host
from harness.setup import catalog
from harness.setup.catalog import Benchmark
from harness.setup.changes import planned_s
from harness.setup.tables import PresetTable
from harness.stored import plan
from harness.stored.hosts import HostCheck, HostProof
from harness.stored.records import NOOP, BenchmarkFacts, Campaign
from harness.windows.profiles import Profile

_FITNESS = ("good", "doubtful", "unfit")
_SECONDS = PresetTable.model_fields["proof_s"].default


def examine(
    benchmark: Benchmark, tools: Tools, seconds: float, note: Callable[[str], object]
) -> tuple[HostProof | None, tuple[HostCheck, ...]]:
    """(the generator's proof, where it could be had; what every check of the host found).

    `seconds` go into each part of the proof; `note` is told of it, and of every check that is not
    good.
    """
    proof: HostProof | None = None
    why_not = ""
    try:
        proof = reference.prove(benchmark, catalog.variants(), tools, seconds)
        note(
            f"generator: {proof.ceiling_per_s:.0f}/s against the null server; at "
            f"{proof.rate_per_s:.0f}/s it sends {proof.lag_p50_us:.0f} us late (p99 "
            f"{proof.lag_p99_us:.0f} us)"
        )
    except HarnessError as error:
        why_not = f"The generator could not be proven on this host: {error}"
        note(why_not)
    cpus = (tools.server_cpus, tools.generator.cpus)
    checks = tuple(checkup.all_checks(proof or why_not, cpus))
    for found in checks:
        if found.fit != "good":
            note(f"{found.fit}: {found.name}: {found.message}")
    return proof, checks


def weaker(campaign: Campaign, proof: HostProof | None, checks: Iterable[HostCheck]) -> Campaign:
    """A campaign that is gone on with, on a host that was examined again: what is worse counts.

    Without a proof this time, the earlier one stays; the check of the generator says so.
    """
    proofs = [each for each in (campaign.proof, proof) if each is not None]
    worst = {each.name: each for each in campaign.checks}
    for each in checks:
        before = worst.get(each.name)
        if before is None or _FITNESS.index(each.fit) >= _FITNESS.index(before.fit):
            worst[each.name] = each
    return replace(
        campaign,
        proof=min(proofs, key=lambda each: each.ceiling_per_s, default=None),
        checks=tuple(worst.values()),
    )


def by_itself() -> tuple[HostCheck, ...]:
    """The same outside a campaign. What stands in the way of the proof is a check's sentence."""
    try:
        known = catalog.benchmarks()
        benchmark = known.get(NOOP) or next(iter(known.values()), None)
        if benchmark is None:
            raise ProvisionError("There is no benchmark whose requests the generator could send.")
        with session.begin({}, "cpu") as tools:
            return examine(benchmark, tools, _SECONDS, lambda _: None)[1]
    except HarnessError as error:
        return tuple(checkup.all_checks(str(error), host.split_cpus()))


def within_ceiling(
    prepared: dict[str, Prepared | HarnessError],
    preset: PresetTable,
    proof: HostProof | None,
    note: Callable[[str], object],
) -> dict[str, BenchmarkFacts]:
    """The facts about the prepared benchmarks whose rates the generator can reach.

    In `prepared`, the reason takes the place of the others, so that their cells fail with it.
    Raises UsageError where none is left.
    """
    known = {}
    refused: list[UsageError] = []
    for name, found in prepared.items():
        if isinstance(found, HarnessError):
            continue
        facts = _facts(found, preset)
        error = refusal(name, facts.profiles, proof)
        if error is None:
            known[name] = facts
        else:
            refused.append(error)
            prepared[name] = error
            note(str(error))
    if not known:
        raise UsageError(" ".join(map(str, refused)))
    return known


def _facts(found: Prepared, preset: PresetTable) -> BenchmarkFacts:
    benchmark, later = found.bench.benchmark, found.bench.later
    return BenchmarkFacts(
        version=benchmark.table.version,
        description=benchmark.table.description,
        slo=benchmark.table.slo,
        payloads=len(found.bench.payloads),
        artefact=found.facts,
        capacity_per_s=found.capacity_per_s,
        profiles=plan.absolute(benchmark, preset, found.capacity_per_s),
        verify_share=preset.verify_share,
        capacity_s=preset.capacity_s,
        cold_starts=preset.cold_starts,
        burst_s=preset.burst_s,
        changes_s=planned_s(preset.changes, preset.changing),
        content=content.of_benchmark(benchmark),
        judge=benchmark.table.judge,
        tolerance=benchmark.table.tolerance,
        replaced=later.variants if later is not None else (),
    )


def refusal(
    benchmark: str, profiles: Iterable[Profile], proof: HostProof | None
) -> UsageError | None:
    """Why a benchmark can't be fired by this generator, or None.

    Between CEILING_SHARE of the ceiling and the ceiling it is fired, and its window is INVALID.
    """
    if proof is None:
        return None
    for profile in profiles:
        rate = max(profile.rate_per_s or 0.0, profile.rate_to_per_s or 0.0)
        if rate > proof.ceiling_per_s:
            return UsageError(
                f"The profile {profile.name!r} of {benchmark} asks for {rate:.0f}/s, but the "
                f"ceiling of the generator on this host is {proof.ceiling_per_s:.0f}/s (against "
                "the null server): it can't be sent. Lower its rate in benchmark.toml, or give "
                "the generator more CPUs."
            )
    return None
