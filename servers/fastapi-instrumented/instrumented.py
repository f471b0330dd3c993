"""The app of servers/fastapi with its requests counted and timed for Prometheus, at /metrics."""

from __future__ import annotations

import os

from app import app
from prometheus_fastapi_instrumentator import Instrumentator

# The defaults begin at 10 ms, and a model may be faster than that. Ten to each power of ten, from
# 1 ms to 10 s: a quantile is then wrong by a quarter at most.
FINE = tuple(round(10 ** (step / 10 - 3), 6) for step in range(41))

# As the README has it; the buckets of the histogram with labels stay as few as they are.
instrumentator = Instrumentator()
if os.environ.get("LATENCY_BUCKETS") == "fine":
    instrumentator.instrument(app, latency_highr_buckets=FINE)
else:
    instrumentator.instrument(app)
instrumentator.expose(app)
