"""The web process: jobs go onto a stream of Redis."""

from __future__ import annotations

import os

from job_front import Contract, front
from job_records import RedisQueue

app = front(lambda: RedisQueue(os.environ["QUEUE_URL"], has_stream=True), Contract())
