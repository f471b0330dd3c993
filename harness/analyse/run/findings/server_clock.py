"""Doubts about the clock that stamped the predictor's calls, where that is another host's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.analyse.run.findings import Verdict, window_rule
from harness.stored.hosts import HostProof
from harness.stored.records import Window

UNSURE_SHARE = 0.10  # of the median service time: parts of a request are told to about as much


@window_rule
def server_clock_unsure(window: Window, _: HostProof | None) -> Iterator[tuple[Verdict, str]]:
    unsure_ns, service_ns = window.facts.server_clock.uncertainty_ns, window.requests.service_ns()
    if len(service_ns) and unsure_ns > UNSURE_SHARE * float(np.median(service_ns)):
        yield (
            Verdict.WARNING,
            f"the server's clock is known only to {unsure_ns / 1e6:.2f} ms: the times before and "
            "after the model may be off by that much",
        )
