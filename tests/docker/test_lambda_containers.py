"""Lambda's instances as containers: what they may do, how they end, and what is left of them."""

from __future__ import annotations

import json
import re
import tempfile
import time

import httpx
import pytest
from docker import DockerClient

from harness.base import paths
from harness.measure.launch.functions.launched import LaunchedFront
from harness.measure.launch.launchers.lambda_ import LambdaLauncher
from tests.docker.conftest import everything
from tests.docker.containers import CPU, launched_by, predict, ready
from tests.system.sandbox import LONG_S, SERVER, Sandbox, until, until_while, variant

pytestmark = pytest.mark.slow
# Does what the path says, beside predictions.
HANDLER = """\
import base64, json, os, socket
import steps
from serving import load_predictor

predictor = load_predictor()


def reached(address, port):
    try:
        socket.create_connection((address, int(port)), 2).close()
        return "reached"
    except OSError as error:
        return str(error)


def written(path):
    try:
        open(path, "w").close()
        return "written"
    except OSError as error:
        return str(error)


@steps.handled
def handler(event, context):
    match event["rawPath"]:
        case "/hog":
            bytearray(b"x") * (512 << 20)
        case "/seen":
            api, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
            return {
                "status": open("/proc/self/status").read(),
                "api": api,
                "reached": [reached(api, port), reached("1.1.1.1", 53)],
                "written": [written(p) for p in ("/app/x", "/opt/venv/x", "/tmp/x")],
            }
    body = json.loads(base64.b64decode(event.get("body") or "") or '{"instances": []}')
    predictions = predictor.predict(body["instances"])
    return {"statusCode": 200, "body": json.dumps({"predictions": predictions})}
"""
FUNCTION = """
[variant.function]
handler = "handler.handler"
memory_mib = 256
"""


@pytest.fixture(autouse=True)
def with_handler(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox has a function, whose runtime needs nothing but Python."""
    command = 'command = ["{bin}/python", "runtime.py", "handler.handler"]'
    runtime = (paths.PROJECT / "servers" / "_function" / "runtime.py").read_text()
    table = SERVER + variant("_fn", command, 'launchers = ["lambda"]') + FUNCTION
    sandbox.add_server("_fn", table, handler_py=HANDLER, runtime_py=runtime)
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_an_instance_has_no_rights_and_its_size_and_is_replaced_where_that_is_too_small(
    sandbox: Sandbox, engine: DockerClient
) -> None:
    launcher = LambdaLauncher(instances="container")
    with launched_by(launcher, "lambda", sandbox, "_fn") as server:
        assert isinstance(server, LaunchedFront)
        assert predict(ready(server)).json()["predictions"]
        (container,) = everything(engine)
        host = container.attrs["HostConfig"]
        assert host["Memory"] == host["MemorySwap"] == 256 << 20
        assert host["CpuQuota"] / host["CpuPeriod"] == pytest.approx(256 / 1769, rel=0.01)
        _sees_nothing(server, engine)
        hogged = predict_at(server, "/hog")
        assert (hogged.status_code, hogged.text) == (502, "Internal Server Error")
        assert predict(server).json()["predictions"], "it is replaced"
        _starts_without_an_image(server)
        seen = server.sample(pss=False)
        assert seen is not None
        assert seen["cpu_ns"] > 0
        server.stop()
        log = server.log.read_text()
        assert "out of memory, an instance may use 256 MB" in log
        said = r"REPORT RequestId: \S+\tDuration: \S+ ms\tBilled Duration: \d+ ms\tMemory Size: 256"
        assert len(re.findall(said, log)) >= 4
        assert server.container is not None
        assert server.container.memory_limit_bytes == 256 << 20
    assert everything(engine) == []


def predict_at(server: LaunchedFront, path: str) -> httpx.Response:
    url = f"http://{server.host}:{server.port}{path}"
    return httpx.get(url, timeout=LONG_S, trust_env=False)


def _sees_nothing(server: LaunchedFront, engine: DockerClient) -> None:
    seen = predict_at(server, "/seen").json()
    told = dict(line.split(":\t", 1) for line in seen["status"].splitlines() if ":\t" in line)
    assert told["Uid"].split()[0] == "10001"
    assert int(told["CapEff"], 16) == int(told["CapBnd"], 16) == 0
    assert told["NoNewPrivs"] == "1"
    assert told["Cpus_allowed_list"] == str(CPU)
    api, outside = seen["reached"]
    assert api == "reached"
    assert outside != "reached"
    *fixed, temporary = seen["written"]
    assert all("Read-only" in said for said in fixed)
    assert temporary == "written"
    network = engine.networks.get("serving-harness").attrs["IPAM"]["Config"]
    assert seen["api"] in {config["Gateway"] for config in network}
    assert server.exposed() == (), "the bridge has no way out, and none in"


def _starts_without_an_image(server: LaunchedFront) -> None:
    control = server.control
    assert control.why_not("image") is None
    began_ns = time.time_ns()
    control.cool("image")
    assert predict(server).json()["predictions"]
    control.cool("process")
    assert predict(server).json()["predictions"]
    *_, cold, warm = control.steps()
    (instance,) = control.instances()
    assert instance.number == warm.number
    assert instance.begun_ns is not None
    assert instance.asked_ns < instance.begun_ns < warm.runtime_ns
    assert cold.image_ns is not None
    assert cold.image_ns > began_ns
    assert warm.image_ns == cold.image_ns, "it was unpacked once"
    if control.why_not("files") is None:
        control.cool("files")
        assert predict(server).json()["predictions"]
        assert control.steps()[-1].major_faults > warm.major_faults


def test_every_answer_is_right_and_a_killed_harness_leaves_nothing(
    sandbox: Sandbox, engine: DockerClient
) -> None:
    own = {"HARNESS_SERVERS": "", "HARNESS_BENCHMARKS": "", "HARNESS_CACHE": ""}
    names, words = ("lambda-handler", "functions-cloud-run"), ("--instances", "container")
    done = sandbox.harness("verify", *names, *words, "--benchmark", "iris", "--json", **own)
    assert done.returncode == 0, done.stderr
    rows = {row["variant"]: row for row in map(json.loads, done.stdout.splitlines())}
    payloads = (paths.PROJECT / "benchmarks" / "iris" / "payloads.jsonl").read_text()
    for name in names:
        assert rows[name]["outcome"] == "ok", rows[name]
        assert rows[name]["verified"] == len(payloads.splitlines())
    process = sandbox.start("run", "_fn", *words, "--campaign", "c", "--rounds", "9")
    until_while(process, lambda: [c for c in everything(engine) if "_fn" in (c.name or "")])
    process.kill()
    process.communicate()
    until(lambda: not everything(engine))
    until(lambda: not sandbox.processes())
