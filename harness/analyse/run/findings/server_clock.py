"""Doubts about the clock that stamped the predictor's calls, where that is another host's."""

from __future__ import annotations

import numpy as np

from harness.analyse.run.context import WindowContext
from harness.analyse.run.findings import PROFILE, Said, Verdict, window_rule

UNSURE_SHARE = 0.10  # of the median service time: parts of a request are told to about as much


@window_rule(PROFILE)
def server_clock_unsure(context: WindowContext) -> Said:
    unsure_ns = context.facts.server_clock.uncertainty_ns
    service_ns = context.requests.service_ns()
    if len(service_ns) and unsure_ns > UNSURE_SHARE * float(np.median(service_ns)):
        yield (
            Verdict.WARNING,
            f"the server's clock is known only to {unsure_ns / 1e6:.2f} ms: the times before and "
            "after the model may be off by that much",
        )
