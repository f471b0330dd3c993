"""A server's own counters, read at both ends of a window, if it has any."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from harness.measure.launch.launchers import Launched
from harness.measure.talk import ask as asking
from harness.measure.talk.ask import Unanswered
from harness.setup.tables import CountersTable, ServerTable
from harness.windows.own_figures import OwnFigures


class Counted:
    """The figures of a window, once it is over."""

    figures: OwnFigures | None = None


@contextmanager
def counting(launched: Launched, server: ServerTable) -> Iterator[Counted]:
    """Read a server's counters before and after; where they can't be read, there are no figures."""
    counted, counters = Counted(), server.counters
    before = _read(launched, server) if counters is not None else None
    yield counted
    if counters is not None and before is not None:
        after = _read(launched, server)
        if after is not None:
            counted.figures = _between(counters, before, after)


def totals(text: str, names: set[str]) -> dict[str, float]:
    """The counters of that name in Prometheus's text format, summed over their labels."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        sample = re.match(r"([A-Za-z_:][\w:]*)(?:\{.*\})?\s+(\S+)", line)
        if sample and sample[1] in names:
            found[sample[1]] = found.get(sample[1], 0.0) + float(sample[2])
    return found


def _read(launched: Launched, server: ServerTable) -> dict[str, float] | None:
    counters = server.counters
    assert counters is not None
    names = {name for name in (counters.requests, counters.queue, counters.model) if name}
    port = launched.ports.get(server.metrics_port) if server.metrics_port else None
    try:
        reply = asking.getter(launched, port)(server.metrics_path or "/")
        return totals(reply.body.decode(errors="replace"), names) if reply.is_success else None
    except (Unanswered, ValueError):
        return None  # a server that died in the window has other findings


def _between(
    counters: CountersTable, before: dict[str, float], after: dict[str, float]
) -> OwnFigures | None:
    """The differences. A counter that is not there yet counts from 0."""

    def grown(name: str | None) -> float | None:
        return None if name is None or name not in after else after[name] - before.get(name, 0.0)

    requests = grown(counters.requests)
    if not requests:
        return None
    queue, model = (
        None if total is None else total * counters.unit_s
        for total in (grown(counters.queue), grown(counters.model))
    )
    return OwnFigures(requests, queue, model)
