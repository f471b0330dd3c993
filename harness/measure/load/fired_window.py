"""A window, as it is stored, from what a driver fired."""

from __future__ import annotations

from harness.measure.load.generator.job import Fired
from harness.stored.records import Window, WindowFacts
from harness.windows.samples import Calls, Requests, Usage


def window_of(
    fired: Fired, facts: WindowFacts, requests: Requests, usage: Usage, calls: Calls
) -> Window:
    """Requests may have been judged; what answers told beside them is as it was fired."""
    return Window(
        facts=facts,
        requests=requests,
        usage=usage,
        calls=calls,
        chunks=fired.chunks,
        marks=fired.marks,
    )
