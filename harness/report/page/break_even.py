"""The rate from which a server is cheaper than a function, in sentences, a table and a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.analyse.cost import billing
from harness.analyse.cost.billing import FunctionBill, ServerBill
from harness.analyse.cost.break_even import MOST_MACHINES, BreakEven, break_even
from harness.analyse.field.comparison import Comparison
from harness.report.draw import break_even_chart
from harness.report.draw.break_even_chart import BilledLine
from harness.report.draw.colours import MARKS, SLOTS, Look
from harness.report.page import view
from harness.report.page.subjects import ShownVariant
from harness.report.page.view import Report

_SAME = 1.001  # rates that differ by no more than this factor are one
_DASHES = 5
_NO_SERVER = (
    "From which rate on a server is cheaper is not known: no server of this campaign has a cost."
)
_KEPT = " kept"  # of provisioned concurrency, where a name is short


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A function beside the server that is cheaper from the lowest rate on."""

    function: FunctionBill
    server: ServerBill | None  # None: no server has a cost
    even: BreakEven | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEvenLine:
    """A line of the table, as text."""

    variant: str
    service: str
    each: str  # billed of a request
    usd: str
    range: str
    start: str
    server: str
    rate: str
    rate_range: str
    always: str
    date: str


def of_benchmark(found: Sequence[Beside]) -> dict[str, Any] | None:
    """The values of the template; None where no function has a price."""
    if not found:
        return None
    chosen = _cheapest(found)
    return {
        "sentences": sentences(found),
        "chart": break_even_chart.draw(_lines(chosen), _caption(chosen)),
        "lines": [_line(each) for each in found],
        "starts": any(each.function.start_s is not None for each in found),
    }


def besides(report: Report, comparison: Comparison) -> list[Beside]:
    """Each function of a benchmark on each service that is priced for it."""
    campaign, prices = report.campaign, report.prices
    rows = [r for r in comparison.rows if r.server.function is not None and r.cell.point is None]
    functions = [
        bill
        for row in rows
        for bill in billing.functions(row, prices.serverless, len(campaign.server_cpus))
    ]
    if not functions:
        return []
    servers = billing.servers(comparison.rows, campaign, prices.instance)
    return [_beside(each, servers) for each in functions]


def sentences(found: Sequence[Beside]) -> list[str]:
    """What is to be said of the cheapest functions."""
    chosen = [each for each in _cheapest(found) if not _kept(each)]
    if chosen and all(each.server is None for each in chosen):
        return [_NO_SERVER]
    return [sentence(each) for each in chosen]


def _beside(function: FunctionBill, servers: Sequence[ServerBill]) -> Beside:
    """Servers on a machine of the same provider, if it has any; else all."""
    own = [each for each in servers if each.machine.provider == function.provider] or servers
    pairs = [(each, break_even(function.known, each.known)) for each in own]
    if not pairs:
        return Beside(function=function, server=None, even=None)
    server, even = min(pairs, key=lambda pair: _order(*pair))
    return Beside(function=function, server=server, even=even)


def _order(server: ServerBill, even: BreakEven) -> tuple[bool, float, float]:
    return even.rate is None, even.rate or 0.0, server.cost.usd.median


def _kept(found: Beside) -> bool:
    return found.function.service.endswith(billing.PROVISIONED)


def _cheapest(found: Sequence[Beside]) -> list[Beside]:
    """The bills of the cheapest variant of each kind of service."""
    chosen: list[Beside] = []
    for shared in (False, True):
        own = [each for each in found if each.function.platform.shared is shared]
        if own:
            best = min(own, key=lambda each: each.function.usd.median).function.variant
            chosen += [each for each in own if each.function.variant == best]
    return chosen


def sentence(found: Beside) -> str:
    """From which rate on a server is cheaper."""
    function = f"{found.function.variant} on {found.function.provider} {found.function.service}"
    if found.server is None or found.even is None:
        return _NO_SERVER
    server, even = _server(found.server), found.even
    if even.rate is None:
        sure = even.low is None
        ends = "" if sure else ", as far as their intervals say; they leave it open"
        return (
            f"{function} is cheaper than {server} at every rate that up to {MOST_MACHINES} "
            f"machines have room for{ends}."
        )
    if even.rate == 0:
        return f"{server} is cheaper than {function} at any rate."
    more = ""
    if even.always is None:
        more = "; with more machines it is not always"
    elif even.always > _SAME * even.rate:
        more = f", and however many machines it needs from {_rate(even.always)} on"
    inside = f" ({_range(even)})" if _range(even) else ""
    return f"From {_rate(even.rate)}{inside} on, {server} is cheaper than {function}{more}."


def _server(found: ServerBill) -> str:
    return f"{found.variant} on {found.machine.provider} {found.machine.type}"


def _rate(rate: float | None) -> str:
    return view.NONE if rate is None else f"{view.number(rate)}/s"


def _range(even: BreakEven) -> str:
    if even.low is None:
        return "" if even.high is None else f"up to {_rate(even.high)}"
    low = view.number(even.low)
    if even.high is None:
        return f"{low}/s, or at no rate"
    high = view.number(even.high)
    return "" if low == high else f"{low}–{high}"


def _line(found: Beside) -> BreakEvenLine:
    function, even = found.function, found.even
    low, high = view.usd(function.usd.low), view.usd(function.usd.high)
    billed_ms = view.number(round(1e3 * function.seconds.median, 6))
    nothing = even is None or even.rate is None
    return BreakEvenLine(
        variant=function.variant,
        service=f"{function.provider} {function.service}",
        each=f"{billed_ms} ms × {view.number(function.memory_gib)} GiB",
        usd=view.usd(function.usd.median),
        range="" if low == high else f"{low}–{high[1:]}",
        start=view.NONE if function.start_s is None else f"{view.number(function.start_s)} s",
        server=view.NONE if found.server is None else _server(found.server),
        rate=view.NONE if even is None else "at none" if nothing else _rate(even.rate),
        rate_range="" if even is None else _range(even),
        always=view.NONE if even is None else _rate(even.always),
        date=str(function.platform.date),
    )


def _lines(chosen: Sequence[Beside]) -> list[BilledLine]:
    """Functions in colours of their own, since one variant has several lines; servers in grey."""
    made = []
    for place, each in enumerate(chosen):
        service = each.function.service.replace(billing.PROVISIONED, _KEPT)
        subject = _subject(f"{each.function.provider} {service}", place, "function", place)
        even = each.even.rate if each.even is not None and each.even.rate else None
        made.append(BilledLine(subject=subject, bill=each.function.known.middle, even=even))
    servers = {_server(e.server): e.server for e in chosen if e.server is not None}
    for server in servers.values():
        name = f"{server.variant}, {server.machine.type}"
        subject = _subject(name, len(made), "server", None)
        made.append(BilledLine(subject=subject, bill=server.known.middle))
    return made


def _subject(name: str, place: int, group: str, slot: int | None) -> ShownVariant:
    dash = 0 if slot is not None else place % _DASHES
    look = Look(slot=None if slot is None else slot % SLOTS, mark=place % len(MARKS), dash=dash)
    return ShownVariant(name=name, key=place + 1, group=group, look=look, shown=True)


def _caption(chosen: Sequence[Beside]) -> str:
    functions = view.listed(dict.fromkeys(each.function.variant for each in chosen))
    return (
        f"{functions} on each service that is priced for it, and the server that is cheaper from "
        "the lowest rate on, in grey, on the machine of the same provider that is cheapest by the "
        "hour. A machine costs as much when it is idle; at each step one more is needed. Kept: "
        "provisioned concurrency. Lower is better; both axes go by factors. Point at a mark for "
        "its value."
    )
