"""A federation of real processes: what leaves a client, and a client that never answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from federated.bring_up import Federation, federation
from harness.measure.campaign import session
from harness.windows.profiles import Profile

pytestmark = pytest.mark.slow


def test_a_round_goes_on_without_one_client_and_no_data_leave_the_other(
    short_folder: Path,
) -> None:
    with (
        session.begin({}, "cpu", on_wait=print) as tools,
        federation(tools, "iris", short_folder) as up,
    ):
        with pytest.raises(RuntimeError, match="There are no clients"):
            up.ask("POST", "/rounds", {"rounds": 1})
        up.deal(clients=2, alpha=0.3, seed=20)
        assert up.bring_up()["clients_up"] == 2
        up.silence(1)
        found = a_round_of_the_other(up)
        assert found["said"].startswith("1 of 2 clients did not answer within")
        assert found["said"].endswith(": version 2 was made of the other 1.")
        assert found["examples"] == sum(up.dealt["clients"][0].values())
        assert_nothing_of_its_data_left(up, up.clients / "0")
        assert_the_new_head_predicts(up)


def a_round_of_the_other(up: Federation) -> dict[str, Any]:
    """With a deadline that it keeps, however busy the machine is; until then, nobody answers."""
    for deadline_s in (8.0, 30.0, 120.0):
        up.begin(rounds=1, deadline_s=deadline_s)
        with pytest.raises(RuntimeError, match="Rounds are under way"):
            up.begin(rounds=1)
        found = up.rounds()[-1]
        if found["answered"]:
            break
        assert found["said"] == (
            f"None of 2 clients answered within {deadline_s:g} s: version 1 stays."
        )
    return found


def assert_nothing_of_its_data_left(up: Federation, client: Path) -> None:
    """All bytes that it has sent are there; what they have of arrays is the head."""
    sent = (client / "sent").read_bytes()
    shapes = re.findall(rb"'shape': \(([0-9, ]*)\)", sent)
    # Of each round that it was asked for, the answer that came after the deadline included.
    assert shapes
    assert shapes == [b"4, 3", b"3,"] * (len(shapes) // 2)
    shard = json.loads((client / "shard.json").read_text())
    known = np.load(client / "features.npz")
    for row in (*shard["instances"], *known["features"]):
        for kind in (np.float64, np.float32):
            assert np.array(row, kind).tobytes() not in sent
    for label in {*shard["labels"]}:
        assert label.encode() not in sent
    assert json.dumps(shard["instances"][0]).encode() not in sent
    # It would have been seen: what is sent is neither compressed nor encrypted.
    last = up.ask("GET", "/heads/last")
    start = sent.rindex(b"'shape': (4, 3)")
    told = np.frombuffer(sent[sent.index(b"\n", start) + 1 :][: 12 * 8])
    assert told.astype(np.float32).reshape(4, 3).tolist() == pytest.approx(
        np.array(last["weights"], np.float32)
    )


def assert_the_new_head_predicts(up: Federation) -> None:
    """And says so; what it answers is what its numbers say."""
    loaded = up.stages.load(up.launched, Profile("after", "poisson", 0.5, rate_per_s=20.0))
    assert set(loaded.marks.value.tolist()) == {2}
    judged = up.judged()["2"]["answers"]
    payload = up.bench.payloads[7]
    url = f"http://127.0.0.1:{up.launched.port}/predict"
    told = httpx.post(url, json={"instances": [payload]}, trust_env=False)
    assert told.headers["model-version"] == "2"
    assert told.json()["predictions"][0]["score"] == pytest.approx(judged[7]["score"], abs=1e-4)
