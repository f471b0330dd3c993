"""Doubts about what the host did while a window ran."""

from __future__ import annotations

import numpy as np

from harness.analyse.run.context import WindowContext
from harness.analyse.run.findings import EVERY, Said, Verdict, window_rule
from harness.stored.hosts import STEAL_INVALID

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


@window_rule(EVERY)
def host_stole(context: WindowContext) -> Said:
    share = context.facts.steal_share
    if share is not None and share > STEAL_WARNING:
        verdict = Verdict.INVALID if share > STEAL_INVALID else Verdict.WARNING
        yield verdict, f"the hypervisor took {share:.1%} of the host's CPU time during the window"


@window_rule(EVERY)
def suspended(context: WindowContext) -> Said:
    host = context.facts.host
    if host is not None and host.suspended_s > SUSPENDED_S:
        yield (
            Verdict.INVALID,
            f"the host was suspended for {host.suspended_s:.2f} s during the window: connections "
            "may have timed out, and caches and frequencies may have changed",
        )


@window_rule(EVERY)
def clock_stepped(context: WindowContext) -> Said:
    host = context.facts.host
    if host is None or abs(host.clock_step_s) <= STEP_S + SLEW * context.facts.elapsed_s:
        return
    way = "forward" if host.clock_step_s > 0 else "back"
    # The harness times by a clock that can't be set, so its own figures are right.
    yield (
        Verdict.WARNING,
        f"the host's clock was set {way} by {abs(host.clock_step_s):.2f} s during the window: "
        "a server that uses it for timing (batching delays, time-outs) was disturbed; a paused "
        "virtual machine looks the same",
    )


@window_rule(EVERY)
def frequency_changed(context: WindowContext) -> Said:
    host = context.facts.host
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


@window_rule(EVERY)
def host_throttled(context: WindowContext) -> Said:
    host, elapsed_s = context.facts.host, context.facts.elapsed_s
    if host is None or not host.throttled_s or elapsed_s <= 0:
        return
    share = host.throttled_s / elapsed_s
    if share > STEAL_WARNING:
        yield (
            Verdict.INVALID if share > STEAL_INVALID else Verdict.WARNING,
            f"a CPU quota throttled the harness and its servers for {host.throttled_s:.2f} s: "
            "raise it, or pin CPUs instead",
        )


@window_rule(EVERY)
def swapped(context: WindowContext) -> Said:
    host = context.facts.host
    if host is None or context.facts.elapsed_s <= 0:
        return
    pages = (host.swapped_in or 0) + (host.swapped_out or 0)
    rate = pages / context.facts.elapsed_s
    if rate > SWAP_WARNING_PER_S:
        yield (
            Verdict.INVALID if rate > SWAP_INVALID_PER_S else Verdict.WARNING,
            f"the host moved {pages} pages between memory and swap ({rate:.0f}/s)",
        )
