"""The cost of a function at a memory size, or at a gap between its requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from harness.analyse.cost.prices import PriceTable, Serverless
from harness.analyse.run import invoked_rows
from harness.analyse.statistics import stats
from harness.stored.functions import FunctionFacts
from harness.stored.records import Window

MEMORY, GAP = "memory", "gap"  # axes
COSTS = {
    MEMORY: ("duration_ms", "p50_ms", "p99_ms", "billed_gb_s", "cpu_per_1000_s"),
    GAP: ("cold_percent", "p50_ms", "billed_gb_s"),
}


class _Point(Protocol):
    """A value of the axis with its numbers."""

    @property
    def value(self) -> int: ...
    @property
    def numbers(self) -> dict[str, float | None]: ...
    @property
    def invalid(self) -> str: ...


def numbers(window: Window, told: FunctionFacts | None) -> dict[str, float | None]:
    """Of the requests of a window: the Duration of warm ones, as Lambda's REPORT has it; GB-seconds
    billed for 1000, in GB of 1024 MB; the share that was cold."""
    rows = window.invocations
    if not len(rows) or told is None:
        return {}
    answered = invoked_rows.answered(window)
    warm = answered & (rows.cold == 0)
    took_ns = (rows.answered_ns - rows.dispatched_ns)[warm]
    billed_ms = invoked_rows.billed_ms(window)
    return {
        "duration_ms": float(np.median(took_ns)) / 1e6 if len(took_ns) else None,
        "billed_gb_s": told.memory_mib / 1024 * float(billed_ms.mean()) if len(billed_ms) else None,
        "cold_percent": 100 * float((rows.cold == 1).mean()),
        "p50_ms": _response_ms(window),
    }


def usd_per_million(billed_gb_s: float, platform: Serverless) -> float:
    """What a million requests cost, given what is billed for 1000."""
    return 1000 * billed_gb_s * platform.usd_per_gib_second + platform.usd_per_million_requests


def platform_of(table: PriceTable) -> Serverless | None:
    """The first service of a price table that bills memory by time, as Lambda does."""
    return next((p for p in table.serverless if p.memory_buys_cpu and not p.shared), None)


def priced(points: Sequence[_Point], platform: Serverless | None) -> dict[int, float]:
    """US dollars for a million requests, by value of the axis."""
    if platform is None:
        return {}
    known = ((p.value, p.numbers.get("billed_gb_s")) for p in points if not p.invalid)
    return {v: usd_per_million(billed, platform) for v, billed in known if billed is not None}


def chosen(points: Sequence[_Point], platform: Serverless | None) -> str:
    """The cheapest and the fastest memory size, in words; empty where none is known."""
    sound = [p for p in points if not p.invalid]
    usd = priced(sound, platform)
    fast = {p.value: ms for p in sound if (ms := p.numbers.get("duration_ms")) is not None}
    said = []
    if usd and platform is not None:
        value = min(usd, key=lambda each: (usd[each], each))
        where = f"{platform.provider} {platform.service}, {platform.region}"
        said.append(f"cheapest: {value} MiB, {usd[value]:.2f} US$ per million requests ({where})")
    if fast:
        value = min(fast, key=lambda each: (fast[each], each))
        said.append(f"fastest: {value} MiB, {fast[value]:.2f} ms")
    return "; ".join(said)


def unfit(points: Sequence[_Point]) -> str:
    """The sizes that do not count, each with its reason; empty where all do."""
    return "; ".join(f"{p.value} MiB: {p.invalid.rstrip('.')}" for p in points if p.invalid)


def _response_ms(window: Window) -> float | None:
    """The median of the response time; in a closed loop, of the service time."""
    requests: Any = window.requests
    is_open = window.facts.profile.is_open
    taken = requests.waits_ns() if is_open else requests.services_ns()
    return stats.percentile(taken / 1e6, 0.50)
