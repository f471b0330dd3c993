"""Locust's side: users who together ask at a fixed rate. Everything comes by the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import gevent
from locust import FastHttpUser, constant_throughput, events

BODY = Path(os.environ["PEERS_BODY"]).read_bytes()
URL = urlsplit(os.environ["PEERS_URL"])


def predict(user: FastHttpUser) -> None:
    user.client.post(URL.path, data=BODY, headers={"Content-Type": "application/json"})


class Caller(FastHttpUser):
    host = f"{URL.scheme}://{URL.netloc}"
    wait_time = constant_throughput(float(os.environ["PEERS_RATE_PER_USER"]))
    network_timeout = connection_timeout = float(os.environ["PEERS_TIMEOUT_S"])
    tasks: ClassVar = [predict]


def end_in_time(environment: Any, **_: object) -> None:
    """Not by --run-time: that counts from before the imports, however long they take."""

    def begin(**_: object) -> None:
        gevent.spawn_later(float(os.environ["PEERS_SECONDS"]), environment.runner.quit)

    environment.events.spawning_complete.add_listener(begin)


events.init.add_listener(end_in_time)
