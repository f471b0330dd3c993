"""A worker: takes jobs from the stream, up to HARNESS_BATCH_SIZE at a time."""

from __future__ import annotations

import os

from serving import load_predictor
from stream_work import StreamWorker

most = int(os.environ.get("HARNESS_BATCH_SIZE", "1"))
StreamWorker(os.environ["QUEUE_URL"], load_predictor().predict, most=most).run()
