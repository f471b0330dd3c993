"""Requests that go on, and answers in pieces, over the driver `locust`: natively, and its users."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from harness.base import paths
from harness.measure.load.generator.pool import requests_of
from harness.measure.load.swarm.swarm import Swarm
from harness.windows.profiles import Profile
from harness.windows.samples import ERRORS
from tests.exchanges import Lines, Obedient, Polling
from tests.system.endpoints import Endpoint, message, says
from tests.system.test_exchange import WORDS, clerk, streaming
from tests.system.test_swarm import CPU, HOST, schedule

pytestmark = pytest.mark.slow

OPEN = Profile("open", "poisson", 0.5, rate_per_s=100.0)
PEOPLE = Profile("people", "users", 1.0, concurrency=4, think_s=0.05)
PROFILES = [OPEN, PEOPLE]


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """Two workers that know the tests' exchanges, as they know those of the harness."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text("import tests.exchanges\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(paths.PROJECT)]))
        with Swarm(HOST, 0, [CPU, CPU], None) as made:
            yield made


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_a_request_is_over_with_its_last_answer(swarm: Swarm, profile: Profile) -> None:
    with Endpoint(clerk(polls=2)) as endpoint:
        job = schedule(endpoint.url, profile, think_s=profile.think_s)
        exchanges = Polling(every_ns=10_000_000)
        fired = swarm.fire(replace(job, target=replace(job.target, exchanges=exchanges)))
    requests = requests_of(fired)
    assert len(requests) > 10
    assert requests.ok.all()
    assert len(endpoint.requests) == 3 * len(requests)
    assert (requests.done_ns - requests.sent_ns >= 20_000_000).all()
    for row, body in fired.bodies.items():
        sent = job.target.messages[requests.payload[row]]
        assert json.loads(body)["was"] == json.loads(sent.partition(b"\r\n\r\n")[2])
    assert len(fired.bodies) == len(requests)
    assert fired.marks.each("polls", len(requests)).tolist() == [2] * len(requests)


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_each_piece_of_content_is_a_row(swarm: Swarm, profile: Profile) -> None:
    with Endpoint(streaming(*WORDS, b"end\n")) as endpoint:
        job = schedule(endpoint.url, profile, think_s=profile.think_s)
        fired = swarm.fire(replace(job, target=replace(job.target, exchanges=Lines())))
    requests, found = requests_of(fired), fired.chunks
    assert len(requests) > 10
    assert requests.ok.all()
    assert found.request.tolist() == [row for row in range(len(requests)) for _ in WORDS]
    assert found.count.tolist() == [2, 1, 3] * len(requests)
    at_ns = found.at_ns.reshape(-1, 3)
    assert (at_ns[:, 0] >= requests.sent_ns).all()
    assert np.median(np.diff(at_ns)) >= 29_000_000
    assert (at_ns[:, -1] <= requests.done_ns).all()


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_errors_are_told_as_they_are(swarm: Swarm, profile: Profile) -> None:
    with Endpoint(says(message(b"fail"))) as endpoint:
        job = schedule(endpoint.url, profile, think_s=profile.think_s)
        fired = swarm.fire(replace(job, target=replace(job.target, exchanges=Obedient())))
    assert len(fired.columns["error"]) > 10
    assert Counter(fired.columns["error"]) == {ERRORS.index("failed"): len(fired.columns["error"])}
    assert (fired.columns["status"] == 200).all()


def test_users_wait_no_longer_than_an_exchange_may_take(swarm: Swarm) -> None:
    with Endpoint(clerk(polls=1 << 30)) as endpoint:
        job = schedule(endpoint.url, PEOPLE, think_s=PEOPLE.think_s)
        exchanges = Polling(every_ns=10_000_000, limit_s=0.2)
        fired = swarm.fire(replace(job, target=replace(job.target, exchanges=exchanges)))
    requests = requests_of(fired)
    assert Counter(requests.error) == {ERRORS.index("timeout"): len(requests)}
    assert (requests.done_ns - requests.sent_ns == 200_000_000).all()
