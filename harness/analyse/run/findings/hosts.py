"""Doubts about what the host did while a window ran."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.analyse.run.findings import Verdict, window_rule
from harness.stored.hosts import STEAL_INVALID, HostProof
from harness.stored.records import Window

STEAL_WARNING = 0.02
SUSPENDED_S = 0.01  # two clocks are read microseconds apart; a suspension takes far longer
# A time service moves the clock by 0.5 ms a second at most (500 ppm) where it does not set it.
STEP_S = 0.05
SLEW = 0.0005
# Work that the CPU bounds takes longer by as much: 5% is what rounds can tell apart, and 20% is
# more than most variants differ by.
FREQUENCY_WARNING = 0.05
FREQUENCY_INVALID = 0.20
FREQUENCY_LEAST = 3  # samples
# A page from the disk takes 0.1 ms and more: ten a second are seen in a tail, and with a thousand
# (4 MiB) a tenth of the time is waiting for the disk.
SWAP_WARNING_PER_S = 10
SWAP_INVALID_PER_S = 1000


@window_rule
def host_stole(window: Window, _: HostProof | None) -> Iterator[tuple[Verdict, str]]:
    share = window.facts.steal_share
    if share is not None and share > STEAL_WARNING:
        verdict = Verdict.INVALID if share > STEAL_INVALID else Verdict.WARNING
        yield verdict, f"the hypervisor took {share:.1%} of the host's CPU time during the window"


@window_rule
def suspended(window: Window, _: HostProof | None) -> Iterator[tuple[Verdict, str]]:
    host = window.facts.host
    if host is not None and host.suspended_s > SUSPENDED_S:
        yield (
            Verdict.INVALID,
            f"the host was suspended for {host.suspended_s:.2f} s during the window: connections "
            "may have timed out, and caches and frequencies may have changed",
        )


@window_rule
def clock_stepped(window: Window, _: HostProof | None) -> Iterator[tuple[Verdict, str]]:
    host = window.facts.host
    if host is None or abs(host.clock_step_s) <= STEP_S + SLEW * window.facts.elapsed_s:
        return
    way = "forward" if host.clock_step_s > 0 else "back"
    # The harness times by a clock that can't be set, so its own figures are right.
    yield (
        Verdict.WARNING,
        f"the host's clock was set {way} by {abs(host.clock_step_s):.2f} s during the window: "
        "a server that uses it for timing (batching delays, time-outs) was disturbed; a paused "
        "virtual machine looks the same",
    )


@window_rule
def frequency_changed(window: Window, _: HostProof | None) -> Iterator[tuple[Verdict, str]]:
    host = window.facts.host
    if host is None or len(host.mhz) < FREQUENCY_LEAST:
        return
    third = -(-len(host.mhz) // 3)
    first, last = float(np.median(host.mhz[:third])), float(np.median(host.mhz[-third:]))
    change = max(first, last) / min(first, last) - 1 if min(first, last) > 0 else 0.0
    if change > FREQUENCY_WARNING:
        yield (
            Verdict.INVALID if change > FREQUENCY_INVALID else Verdict.WARNING,
            f"the CPU frequency went from {first:.0f} to {last:.0f} MHz",
        )


@window_rule
def host_throttled(window: Window, _: HostProof | None) -> Iterator[tuple[Verdict, str]]:
    host, elapsed_s = window.facts.host, window.facts.elapsed_s
    if host is None or not host.throttled_s or elapsed_s <= 0:
        return
    share = host.throttled_s / elapsed_s
    if share > STEAL_WARNING:
        yield (
            Verdict.INVALID if share > STEAL_INVALID else Verdict.WARNING,
            f"a CPU quota throttled the harness and its servers for {host.throttled_s:.2f} s: "
            "raise it, or pin CPUs instead",
        )


@window_rule
def swapped(window: Window, _: HostProof | None) -> Iterator[tuple[Verdict, str]]:
    host = window.facts.host
    if host is None or window.facts.elapsed_s <= 0:
        return
    pages = (host.swapped_in or 0) + (host.swapped_out or 0)
    rate = pages / window.facts.elapsed_s
    if rate > SWAP_WARNING_PER_S:
        yield (
            Verdict.INVALID if rate > SWAP_INVALID_PER_S else Verdict.WARNING,
            f"the host moved {pages} pages between memory and swap ({rate:.0f}/s)",
        )
