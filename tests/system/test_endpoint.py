"""Endpoints as people have them: models with names of their own, schemas of their own."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2

from tests.cells import cell_of
from tests.system.endpoints import Endpoint, Writer, message
from tests.system.sandbox import SERVER, Sandbox, variant

Command = Callable[..., "subprocess.CompletedProcess[str]"]
CELL = cell_of("deployed", "noop", 1)
METADATA = {
    "name": "forest",
    "inputs": [{"name": "sentence", "datatype": "BYTES", "shape": [-1]}],
    "outputs": [{"name": "label", "datatype": "BYTES", "shape": [-1]}],
}


async def forest(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
    """A v2 model that knows its own names alone."""
    target = endpoint.requests[-1].split()[1]
    if target == b"/v2/models/forest":
        writer.write(message(json.dumps(METADATA).encode()))
        return True
    if target == b"/v2/repository/index":
        writer.write(message(b'[{"name": "forest", "state": "READY"}]'))
        return True
    if target != b"/v2/models/forest/infer":
        writer.write(message(b'{"error": "no such model"}', 404))
        return True
    (tensor,) = json.loads(body)["inputs"]
    if (tensor["name"], tensor["shape"]) != ("sentence", [1]):
        writer.write(message(b'{"error": "unexpected input"}', 400))
        return True
    label = {"name": "label", "datatype": "BYTES", "shape": [1], "data": ["noop"]}
    other = {"name": "logits", "datatype": "FP32", "shape": [1, 2], "data": [0.5, 0.25]}
    writer.write(message(json.dumps({"outputs": [label, other]}).encode()))
    return True


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/v2/models/forest/infer", "/v2/models/forest", "/"])
def test_a_v2_model_is_asked_by_the_names_that_it_tells(sandbox: Sandbox, path: str) -> None:
    with Endpoint(forest) as endpoint:
        url = endpoint.url.removesuffix("/predict") + path
        arguments = ("--launcher", "remote", "--url", url, "--protocol", "v2")
        done = sandbox.harness("run", *arguments, "--campaign", "remote")
    assert done.returncode == 0, done.stderr
    run = sandbox.runs("remote")[CELL]
    assert run.facts.verified == 21
    assert all(window.requests.ok.all() for window in run.profiles)


@pytest.mark.slow
def test_a_model_that_does_not_tell(sandbox: Sandbox) -> None:
    async def silent(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        writer.write(message(b'{"error": "expected input sentence"}', 400))
        return True

    with Endpoint(silent) as endpoint:
        url = endpoint.url.removesuffix("/predict") + "/v2/models/forest/infer"
        arguments = ("--launcher", "remote", "--url", url, "--protocol", "v2")
        done = sandbox.harness("run", *arguments, "--campaign", "remote")
    assert done.returncode == 1
    failure = sandbox.runs("remote")[CELL].facts.failure
    assert failure is not None
    assert "expected input sentence" in failure.message
    assert "GET /v2/models/forest said HTTP 400" in failure.message


@pytest.mark.slow
def test_over_grpc_too(sandbox: Sandbox) -> None:
    metadata = service_pb2.ModelMetadataResponse(name="forest")
    metadata.inputs.add(name="sentence", datatype="BYTES", shape=[-1])
    answer = service_pb2.ModelInferResponse()
    answer.outputs.add(name="label", datatype="BYTES", shape=[1])
    answer.raw_output_contents.append(b"\4\0\0\0noop")
    asked: list[Any] = []

    def infer(body: bytes, _: Any) -> bytes:
        asked.append(service_pb2.ModelInferRequest.FromString(body))
        found: bytes = answer.SerializeToString()
        return found

    class Service(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, details: Any) -> Any:
            if details.method.endswith("/ModelMetadata"):
                return grpc.unary_unary_rpc_method_handler(lambda *_: metadata.SerializeToString())
            return grpc.unary_unary_rpc_method_handler(infer)

    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=(Service(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        arguments = ("--url", f"grpc://127.0.0.1:{port}/forest", "--protocol", "v2-grpc")
        done = sandbox.harness("run", "--launcher", "remote", *arguments, "--campaign", "remote")
    finally:
        server.stop(None).wait()
    assert done.returncode == 0, done.stderr
    assert sandbox.runs("remote")[CELL].facts.verified == 21
    assert {request.model_name for request in asked} == {"forest"}
    assert {request.inputs[0].name for request in asked} == {"sentence"}


async def labels(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
    """`{"text": ...}` to a label and a confidence, and nothing else."""
    try:
        text = json.loads(body)["text"]
    except (ValueError, KeyError, TypeError):
        writer.write(message(b'{"error": "no text"}', 422))
        return True
    answer = {"label": "noop", "confidence": len(text)}
    writer.write(message(json.dumps(answer).encode()))
    return True


REQUEST = '{"text": $instance}'
ONLY_LABEL = ("--request", REQUEST, "--prediction", "{label: label}")


@pytest.mark.slow
def test_a_schema_of_one_s_own(sandbox: Sandbox) -> None:
    with Endpoint(labels) as endpoint:
        remote = ("--launcher", "remote", "--url", endpoint.url)
        beside = ("--beside", "_fake", "--rounds", "2")
        done = sandbox.harness("run", *remote, *ONLY_LABEL, *beside, "--campaign", "remote")
        assert done.returncode == 0, done.stderr
        # Whether its figures count is for the machine to say.
        assert re.search("deployed (beside|can't be compared with) _fake: ", done.stdout), (
            done.stdout
        )
        checked = sandbox.harness("verify", "--url", endpoint.url, *ONLY_LABEL)
        assert checked.stdout.splitlines()[-1] == "deployed on noop: 21 answers right"
        wrong = sandbox.harness("verify", "--url", endpoint.url, "--request", REQUEST)
        assert wrong.returncode == 1
        assert "confidence" in wrong.stdout
    run = sandbox.runs("remote")[CELL]
    assert run.facts.server.is_here
    assert all(window.requests.ok.all() for window in run.profiles)
    report = (sandbox.reports / "remote" / "index.html").read_text()
    assert "shared the CPUs" in report
    assert "on unknown machines" not in report
    assert "--request &#39;{&#34;text&#34;: $instance}&#39;" in report
    resumed = sandbox.harness("run", "--resume", "remote")
    assert resumed.returncode == 0, resumed.stderr


@pytest.mark.slow
def test_a_file_with_all_of_it_and_its_headers_are_sent(sandbox: Sandbox) -> None:
    file = sandbox.root / "endpoint.toml"
    file.write_text(
        'path = "/labels/$id"\nbody = \'{"text": $instance}\'\nid = "split_id"\n'
        'prediction = "{label: label}"\n[headers]\nX-Api-Key = "$KEY"\n'
    )

    async def split(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        place = endpoint.requests[-1].split()[1].decode().rpartition("/")[2]
        answer = {"label": "noop", "split_id": place if place != "3" else "4"}
        writer.write(message(json.dumps(answer).encode()))
        return True

    with Endpoint(split) as endpoint:
        url = endpoint.url.removesuffix("/predict")
        done = sandbox.harness("verify", "--url", url, "--request", str(file), KEY="sesame")
        assert all(b"X-Api-Key: sesame" in head for head in endpoint.requests)
    assert done.returncode == 1
    assert "it says that it answers payload '4'" in done.stdout
    assert "1 of 21 answers" in done.stdout


@pytest.mark.slow
def test_without_a_predictor(sandbox: Sandbox) -> None:
    (sandbox.benchmarks / "noop" / "predictor.py").unlink()
    kept = sandbox.root / "recorded.jsonl"
    with Endpoint(labels) as endpoint:
        asked = ("--url", endpoint.url, "--request", REQUEST, "--prediction", "confidence")
        done = sandbox.harness("record", *asked, "--benchmark", "noop", "--output", str(kept))
        assert done.returncode == 0, done.stderr
        assert len(kept.read_text().splitlines()) == 21
        again = sandbox.harness("record", *asked, "--benchmark", "noop", "--output", str(kept))
        assert (again.returncode, "exists already" in again.stderr) == (2, True)
        run = ("run", "--launcher", "remote", *asked)
        judged = sandbox.harness(*run, "--answers", str(kept), "--campaign", "judged")
        assert judged.returncode == 0, judged.stderr
        loose = sandbox.harness(*run, "--unchecked", "--campaign", "loose")
        assert loose.returncode == 0, loose.stderr
        neither = sandbox.harness(*run)
        assert neither.returncode == 2
        assert "it: give --answers or --unchecked." in neither.stderr
    facts = {name: sandbox.runs(name)[CELL].facts for name in ("judged", "loose")}
    assert [facts[name].server.judged_by for name in ("judged", "loose")] == [
        *("recorded", "unchecked"),
    ]
    assert [facts[name].verified for name in ("judged", "loose")] == [21, 0]
    assert "its answers were not checked" in (sandbox.reports / "loose" / "index.html").read_text()
    assert (
        "compared with earlier recordings"
        in (sandbox.reports / "judged" / "index.html").read_text()
    )


@pytest.mark.slow
def test_an_answer_that_equals_nothing_is_not_recorded(sandbox: Sandbox) -> None:
    async def unsure(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        answers = [b"0.5"] * 2 + [b"[1, NaN]"]
        writer.write(message(b'{"confidence": ' + answers[len(endpoint.requests) % 3] + b"}"))
        return True

    kept = sandbox.root / "recorded.jsonl"
    with Endpoint(unsure) as endpoint:
        asked = ("--url", endpoint.url, "--request", REQUEST, "--prediction", "confidence")
        done = sandbox.harness("record", *asked, "--benchmark", "noop", "--output", str(kept))
    assert done.returncode != 0
    assert "of noop: it holds nan, which equals nothing, itself included" in done.stderr
    assert "NaN" not in (kept.read_text() if kept.exists() else "")


@pytest.mark.slow
def test_answers_that_changed_since_they_were_recorded(sandbox: Sandbox) -> None:
    kept = sandbox.root / "recorded.jsonl"
    asked = ("--request", REQUEST, "--prediction", "confidence")
    with Endpoint(labels) as endpoint:
        url = ("--url", endpoint.url)
        sandbox.harness("record", *url, *asked, "--benchmark", "noop", "--output", str(kept))
        lines = kept.read_text().splitlines(keepends=True)
        kept.write_text("".join(lines[:-1]))
        fewer = sandbox.harness("verify", *url, *asked, "--answers", str(kept))
        assert fewer.returncode == 2
        assert "1 of 21 payloads of noop have no answer, the first on line 21" in fewer.stderr
        kept.write_text("".join([*lines[:-1], lines[-1].replace(": ", ": 9")]))
        torn = sandbox.harness("verify", *url, *asked, "--answers", str(kept))
        assert (torn.returncode, "line 21: not" in torn.stderr) == (2, True)
        told = json.loads(lines[-1])
        kept.write_text("".join([*lines[:-1], json.dumps(told | {"answer": -1})]))
        other = sandbox.harness("verify", *url, *asked, "--answers", str(kept))
    assert other.returncode == 1
    assert "expected -1, got" in other.stdout


@pytest.mark.slow
def test_a_server_that_we_start_may_have_a_schema_of_its_own(sandbox: Sandbox) -> None:
    table = SERVER + variant(
        "own",
        "[variant.request]",
        "body = '{\"instances\": [$instance]}'",
        'prediction = "predictions[0]"',
    ).replace('protocol = "json"', 'protocol = "template"\npath = "/predict"')
    sandbox.add_server("own", table)
    done = sandbox.harness("verify", "own")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "own on noop: 21 answers right" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--request", '{"text": 1}'], "--request: no $instance in its path"),
        (["--request", "nowhere.toml"], "nowhere.toml is missing"),
        (["--prediction", "a"], "--prediction goes with --request"),
        (["--protocol", "template"], "needs --request"),
        (["--protocol", "json", "--request", REQUEST], "only with the protocol 'template'"),
        (["--request", REQUEST, "--answers", "a", "--unchecked"], "either --answers or"),
        (["--request", REQUEST, "--answers", "nowhere.jsonl"], "nowhere.jsonl can't be read"),
    ],
)
def test_what_was_asked_wrongly(cli: Command, arguments: list[str], said: str) -> None:
    remote = ("run", "--launcher", "remote", "--url", "http://127.0.0.1:1/")
    done = cli(*remote, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
