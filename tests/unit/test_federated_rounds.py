"""Federated training in a run: what is asked for, kept, and said where it fails."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.analyse.run import findings
from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import METRICS
from harness.measure.cell import federated_rounds, straining
from harness.measure.cell.life import Life
from harness.measure.talk.ask import Unanswered
from harness.setup.launching import Launching
from harness.setup.tables import PresetTable
from harness.stored.lifecycle import Lifecycle, Training
from tests import fakes

ROUNDS = ("POST", "/rounds")
LIMITS = {"deadline_s": 30.0, "asked": 4, "examples": 451, "refusals": []}


def round_of(version: int, answered: int = 4) -> dict[str, Any]:
    said = None if answered == 4 else f"{4 - answered} of 4 clients did not answer within 30 s."
    sizes = {"sent_bytes": 112_000, "received_bytes": 48_000}
    spent = {"client_cpu_s": 6.5, "server_cpu_s": 1.0}
    own = {"version": version, "answered": answered, "seconds": 8.0, "said": said}
    return {"round": version - 1, **own, **sizes, **spent, **LIMITS}


class Server:
    """The port for clients and rounds: what it was asked, and what it answers."""

    def __init__(self, *rounds: dict[str, Any], failed: str | None = None) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.waits = 2
        self.answers: dict[tuple[str, str], Any] = {
            ("POST", "/clients"): {"seconds": 9.5, "clients_up": 4},
            ("POST", "/rounds"): {},
            ("GET", "/heads/last"): {"version": 1 + len(rounds)},
            ("DELETE", "/clients"): {},
        }
        self.state = {"under_way": False, "failed": failed, "rounds": list(rounds)}

    def __call__(self, method: str, path: str, told: Any = None) -> Any:
        self.asked.append((method, path, told))
        if (method, path) == ("GET", "/rounds"):
            self.waits -= 1
            return {**self.state, "under_way": self.waits > 0}
        if path.startswith("/heads/") and path != "/heads/last":
            return {"version": int(path.rpartition("/")[2])}
        answer = self.answers[method, path]
        if isinstance(answer, Exception):
            raise answer
        return answer


def trained(
    monkeypatch: pytest.MonkeyPatch, scratch: Path, server: Server, port: str = "control"
) -> Training | None:
    def data(_: Any, what: str, folder: Path, *options: str) -> None:
        if what == "deal":
            folder.mkdir()
            counts = [{"a": 100, "b": 51}, {"a": 100}, {"a": 100}, {"b": 100}]
            (folder / "dealt.json").write_text(json.dumps({"clients": counts}))
            assert "--clients=4" in options
        else:
            heads = {path.stem: {"accuracy": 1 - 0.1 * int(path.stem)} for path in folder.iterdir()}
            (folder.parent / "judged.json").write_text(json.dumps(heads))

    monkeypatch.setattr(federated_rounds, "run_data", data)
    monkeypatch.setattr(federated_rounds, "_asker", lambda *_: server)
    monkeypatch.setattr(federated_rounds, "_POLL_S", 0.0)
    table = SimpleNamespace(rounds_port=port)
    stages: Any = SimpleNamespace(
        variant=SimpleNamespace(table=table), scratch=scratch, order=lambda: None
    )
    launched: Any = SimpleNamespace(ports={"control": 81})
    life = Life()
    federated_rounds.undergo(stages, launched, life)
    return life.training


def test_each_round_is_kept_with_the_accuracy_of_its_head(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = Server(round_of(2), round_of(3), round_of(4))
    found = trained(monkeypatch, tmp_path, server)
    assert found is not None
    assert (found.clients, found.examples, found.up_s, found.failure) == (4, 451, 9.5, "")
    assert found.central_accuracy == pytest.approx(0.9)
    assert [each.accuracy for each in found.rounds] == pytest.approx([0.8, 0.7, 0.6])
    asked = next(told for method, path, told in server.asked if (method, path) == ROUNDS)
    assert asked == {"rounds": 3, "deadline_s": 60.0, "decay": 1 / 451}
    assert server.asked[-1][:2] == ("DELETE", "/clients")
    run = fakes.run(fakes.Fake("federated", life=Lifecycle(training=found)))
    values = {name: METRICS[name].formula(RunContext(run=run)) for name in METRICS}
    assert values["rounds_accuracy"] == pytest.approx(60.0)
    assert values["central_accuracy"] == pytest.approx(90.0)
    assert (values["round_time"], values["round_bytes"], values["round_cpu"]) == (8.0, 160.0, 6.5)
    assert doubts(found) == []


def doubts(found: Training) -> list[str]:
    run = fakes.run(fakes.Fake("federated", life=Lifecycle(training=found)))
    said = findings.of_run(RunContext(run=run))
    return [each.message for each in said if each.name == "training-incomplete"]


def test_rounds_that_are_missing_are_told_and_the_others_are_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = Server(round_of(2, answered=3), failed="2 rounds have not come to an end: killed")
    found = trained(monkeypatch, tmp_path, server)
    assert found is not None
    assert [each.accuracy for each in found.rounds] == pytest.approx([0.8])
    assert doubts(found) == [
        "federated training ended after 1 round: 2 rounds have not come to an end: killed",
        "1 of 4 clients did not answer within 30 s.",
    ]


@pytest.mark.parametrize("path", ["/clients", "/rounds"])
def test_what_is_refused_is_told_in_the_server_s_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    server = Server()
    server.answers["POST", path] = Unanswered(f"POST {path}: HTTP 503: no")
    found = trained(monkeypatch, tmp_path, server)
    assert found is not None
    assert found.failure == f"POST {path}: HTTP 503: no"
    assert doubts(found) == [f"federated training ended after no round: POST {path}: HTTP 503: no"]


def test_a_program_that_fails_has_its_last_words_told() -> None:
    error = subprocess.CalledProcessError(1, ["python"], stderr=b"Traceback\nKeyError: 'seed'\n")
    assert federated_rounds._words(error).endswith("it printed: Traceback KeyError: 'seed'")


def test_a_server_without_such_a_port_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = Server()
    assert trained(monkeypatch, tmp_path, server, port="") is None
    assert server.asked == []


def test_it_is_trained_in_the_first_round_and_as_a_process_alone() -> None:
    preset = PresetTable(
        benchmarks=("iris",), profiles=(), rounds=2, duration_scale=1.0, warm_up_s=0, replace=True
    )
    here, image = Launching(), Launching(installs=False)
    assert straining.order(preset, None, None, here, 1).train
    assert not straining.order(preset, None, None, here, 2).train
    assert not straining.order(preset, None, None, image, 1).train
