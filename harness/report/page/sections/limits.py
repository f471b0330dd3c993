"""Limits of the results: conclusions that a reader might draw from the page, and must not."""

from __future__ import annotations

from collections.abc import Iterator

from harness.report.page import confidence, view
from harness.report.page.sections import Values, section
from harness.report.page.view import Report
from harness.setup.endpoints import UNJUDGED

_FEW_CPUS = 4
_FEW_ROUNDS = 3
_ALWAYS = (
    (
        "Another machine",
        "Everything was measured on this machine. The order may change with the number of CPUs: "
        "servers that use several processes gain from more of them. Costs on other machines are "
        "scaled, not measured.",
    ),
    (
        "Another model",
        "The frameworks differ by a few milliseconds. If your model takes much longer, the choice "
        "of framework hardly matters; if it takes less, it matters more.",
    ),
    (
        "Your traffic",
        "Requests arrived at random at one rate, with one instance each, from a small set of "
        "payloads. Bursts, large requests, and clients that batch are different loads.",
    ),
    (
        "A framework at its best",
        "The settings are the harness's own. In the track 'matched', the model takes one call at a "
        "time, which limits frameworks built for many. Someone who knows a framework better may "
        "configure it better.",
    ),
    (
        "Equality",
        "A tie means that two variants are not separated here, not that they are equal. "
        f"{confidence.by_chance()}",
    ),
    (
        "The long run",
        "Windows last seconds to minutes. Slow leaks, and the behaviour after a day, do not show.",
    ),
    (
        "What else matters",
        "Features, documentation, support, security, and how a framework fits your system.",
    ),
)


@section("What this does not tell you", order=65, short="Limits")
def limits(report: Report) -> Values | None:
    here = [*_of_machine(report), *_of_plan(report)]
    return {"here": here, "always": _ALWAYS}


def _of_machine(report: Report) -> Iterator[tuple[str, str]]:
    """The limits that come from this machine."""
    campaign = report.campaign
    cpus = len(campaign.server_cpus)
    if set(campaign.server_cpus) & set(campaign.generator_cpus):
        yield (
            "A server with its own CPU",
            "Server and generator shared a CPU here: each slowed the other, and every figure is "
            "worse than it would be with two CPUs.",
        )
    elif 0 < cpus < _FEW_CPUS:
        yield (
            "Many CPUs",
            f"The server had {view.plural(cpus, 'CPU')} here, for its event loop, its workers "
            "and the model. Do not apply the order to a machine with dozens.",
        )
    rows = [row.server for comparison in report.comparisons for row in comparison.rows]
    contenders = [server for server in rows if not server.reference]  # which is always here
    here = [server for server in contenders if server.way.here or server.is_here]
    if campaign.driver == "native" and (here or not contenders):
        yield (
            "Your network",
            "Requests came from the same machine: no distance, no packet loss, no TLS, no proxy.",
        )
    if campaign.proof is None:
        yield (
            "The generator's own share",
            "The generator was not proven on this host, so part of each latency may be its own.",
        )


def _of_plan(report: Report) -> Iterator[tuple[str, str]]:
    """The limits that come from this campaign."""
    rows = [row for comparison in report.comparisons for row in comparison.rows]
    rounds = max((row.counted for row in rows), default=0)
    if 0 < rounds < _FEW_ROUNDS:
        yield (
            "Small differences",
            f"Each variant was started {view.plural(rounds, 'time')}. A fresh start changes its "
            "latency by more than neighbours in the ranking differ.",
        )
    if report.digested.missing:
        yield (
            "The whole plan",
            f"{view.plural(len(report.digested.missing), 'planned run')} did not take place: the "
            "campaign was interrupted, or is still running.",
        )
    endpoints = [row.server for row in rows if not row.server.way.starts]
    if any(server.is_here for server in endpoints):
        yield (
            "An endpoint with its own CPUs",
            "The endpoint was already running on this machine, and not bound to any CPUs: "
            "generator and endpoint shared the CPUs, and each slowed the other.",
        )
    if not all(server.is_here for server in endpoints):
        yield (
            "What an endpoint runs on",
            "Endpoints were already running, on unknown machines: their figures depend on the "
            "machine and the network as much as on the framework.",
        )
    if any(server.judged_by == UNJUDGED for server in endpoints):
        yield (
            "Whether its answers are right",
            "The endpoint's answers were not checked (--unchecked): fast answers may be wrong.",
        )
