"""Invocations of a function, as its front saw them: one row per request that came in."""

from __future__ import annotations

from dataclasses import dataclass

from harness.windows.samples import Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocations:
    """By arrival. Moments are nanoseconds since the window's start, by this host's CLOCK_MONOTONIC;
    MISSING where it never came to that."""

    arrived_ns: Ints  # the front had read the request
    dispatched_ns: Ints  # an instance was given it
    handled_ns: Ints  # the handler began, by the instance's own stamp
    returned_ns: Ints  # the handler returned, by the instance's own stamp
    answered_ns: Ints  # the front had the instance's answer
    sent_ns: Ints  # the front had written its own
    instance: Ints  # number of the instance, from 1 on
    cold: Ints  # 1: the instance was started for it, and had answered nothing before
    status: Ints  # the HTTP status of the front's answer
    billed_ms: Ints  # as the REPORT line has it, the billed part of its initialisation included
    init_ns: Ints  # from the order to start its instance until that asked for work; 0 where warm
    peak_bytes: Ints  # the most memory that the instance had held by then

    def __len__(self) -> int:
        return len(self.arrived_ns)
