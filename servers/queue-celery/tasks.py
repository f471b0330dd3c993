"""Shared by the web process and the workers: Celery's app, and how its broker keeps messages."""

from __future__ import annotations

import os

from celery import Celery
from job_work import LEASE_S

QUEUE = "celery"
UNACKED = "unacked"  # a hash of Redis: what workers have taken and not acknowledged
TASK = "predict"


def broker(url: str) -> str:
    """As Celery writes the address of a Redis on a unix socket."""
    return url.replace("unix://", "redis+socket://", 1)


app = Celery("queue", broker=broker(os.environ["QUEUE_URL"]))
app.conf.update(
    # The guide to tasks that must not be lost: acknowledged when done, and none taken beforehand.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # Each job has a record of its own: Celery's results can't say that an id was never taken.
    task_ignore_result=True,
    task_default_queue=QUEUE,
    # An hour by default: so long a job of a dead worker would wait.
    broker_transport_options={
        "visibility_timeout": LEASE_S,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    task_send_sent_event=False,
)
