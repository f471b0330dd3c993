"""An endpoint that is already up, as a variant."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Callable
from concurrent import futures
from html import unescape
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from tritonclient.grpc import service_pb2

from harness.base.trust import UNCHECKED
from tests.cells import cell_of
from tests.system.endpoints import Endpoint, Writer, message, refused, says
from tests.system.sandbox import Sandbox

RIGHT = message(b'{"predictions": [{"label": "noop"}]}')
SECRET = "sesame-7a1f"
CELL = cell_of("deployed", "noop", 1)
Command = Callable[..., "subprocess.CompletedProcess[str]"]


async def right(_: Endpoint, body: bytes, writer: Writer) -> bool:
    writer.write(RIGHT)
    return True


def asked(sandbox: Sandbox, url: str, *more: str, **environment: str) -> tuple[int, str]:
    """Exit code and everything that was said."""
    arguments = ("run", "--launcher", "remote", "--url", url, "--protocol", "json", *more)
    done = sandbox.harness(*arguments, "--campaign", "remote", **environment)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.slow
def test_it_is_verified_loaded_and_reported_and_no_secret_is_kept(
    sandbox: Sandbox, authority: trustme.CA, tls: ssl.SSLContext, tmp_path: Path
) -> None:
    roots = tmp_path / "roots.pem"
    authority.cert_pem.write_to_path(roots)
    header = ("--header", "Authorization: Bearer $TOKEN")
    trusted = {"TOKEN": SECRET, "SSL_CERT_FILE": str(roots)}
    with Endpoint(right, tls) as endpoint:
        code, said = asked(sandbox, endpoint.url, *header, **trusted)
        assert code == 0, said
        assert all(f"Bearer {SECRET}".encode() in head for head in endpoint.requests)
    run = sandbox.runs("remote")[CELL]
    assert run.facts.verified == 21
    assert [window.facts.profile.name for window in run.profiles] == ["steady", "saturated"]
    assert all(window.requests.ok.all() for window in run.profiles)
    assert (run.facts.startup, run.facts.stop, run.facts.server.asked) == (None, None, None)
    assert all(len(window.usage.at_ns) == 0 for window in run.profiles)
    report = (sandbox.reports / "remote" / "index.html").read_text()
    assert "the endpoint was already running" in report
    assert "--launcher remote" in report
    assert {str(cell.variant_name) for cell in sandbox.runs("remote")} == {
        *("deployed", "in-process", "null")
    }
    kept = [*sandbox.results.rglob("*"), *sandbox.reports.rglob("*")]
    assert [file for file in kept if file.is_file() and SECRET.encode() in file.read_bytes()] == []
    assert sandbox.campaign("remote").endpoint is not None


@pytest.mark.slow
def test_a_certificate_that_nobody_vouches_for(sandbox: Sandbox, tls: ssl.SSLContext) -> None:
    with Endpoint(right, tls) as endpoint:
        code, said = asked(sandbox, endpoint.url)
        assert endpoint.requests == []
    assert code == 1
    assert "certificate: unable to get local issuer certificate" in said


@pytest.mark.slow
def test_an_unchecked_certificate_is_said_in_every_output(
    sandbox: Sandbox, tls: ssl.SSLContext
) -> None:
    with Endpoint(right, tls) as endpoint:
        code, said = asked(sandbox, endpoint.url, "--insecure")
    assert code == 0, said
    assert re.search(r"^deployed .*certificate not checked$", said, flags=re.M), said
    assert UNCHECKED in unescape((sandbox.reports / "remote" / "index.html").read_text())
    assert sandbox.runs("remote")[CELL].facts.server.insecure


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "phase"),
    [
        (message(b'{"predictions": [{"label": "something else"}]}'), "ready"),
        (message(b'{"detail": "who are you?"}', 401), "ready"),
    ],
)
def test_an_endpoint_that_does_not_answer_rightly(
    sandbox: Sandbox, answer: bytes, phase: str
) -> None:
    with Endpoint(says(answer)) as endpoint:
        code, said = asked(sandbox, endpoint.url)
    assert code == 1, said
    failure = sandbox.runs("remote")[CELL].facts.failure
    assert failure is not None
    assert failure.phase == phase
    assert ("401" in failure.message) == (b"401" in answer)


URL = "https://example.org/predict"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--launcher", "remote"], "needs --url, and --protocol or --request"),
        (["--launcher", "remote", "--url", URL], "needs --url, and --protocol or --request"),
        (["--url", URL, "null"], "--insecure go with --launcher remote"),
        (["--launcher", "remote", "--url", URL, "--protocol", "jsom"], "Did you mean 'json'?"),
        (["--launcher", "remote", "--url", URL, "--protocol", "v2-grpc"], "starts with grpc://"),
        (["--launcher", "remote", "--url", "h/p", "--protocol", "json"], "is not a URL"),
        (
            ["--launcher", "remote", "--url", "https://me:s@h/", "--protocol", "json"],
            "give secrets by --header",
        ),
        (
            [
                *("--launcher", "remote", "--url", URL, "--protocol", "json"),
                *("--header", f"Authorization: {SECRET}"),
            ],
            "looks like a secret",
        ),
        (
            [
                *("--launcher", "remote", "--url", URL, "--protocol", "json"),
                *("--header", "X-Key: $NOT_SET_ANYWHERE"),
            ],
            "needs the variable 'NOT_SET_ANYWHERE'",
        ),
        (
            ["--launcher", "remote", "--url", URL, "--protocol", "json", "--name", "null"],
            "can't be the endpoint's name",
        ),
        (["null", "--budget", "soon"], "is not a duration"),
    ],
)
def test_what_was_asked_wrongly(cli: Command, arguments: list[str], said: str) -> None:
    done = cli("run", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.slow
def test_nobody_there(sandbox: Sandbox) -> None:
    code, said = asked(sandbox, refused())
    assert code == 1
    assert "does not answer a prediction" in said


@pytest.mark.slow
def test_an_endpoint_over_grpc(sandbox: Sandbox) -> None:
    answer = service_pb2.ModelInferResponse()
    answer.outputs.add(name="label", datatype="BYTES", shape=[1])
    answer.raw_output_contents.append(b"\4\0\0\0noop")
    calls: list[dict[str, str]] = []

    class Service(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, details: Any) -> Any:
            assert details.method == "/inference.GRPCInferenceService/ModelInfer"
            calls.append(dict(details.invocation_metadata))
            return grpc.unary_unary_rpc_method_handler(lambda *_: answer.SerializeToString())

    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=(Service(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        arguments = ("--url", f"grpc://127.0.0.1:{port}", "--protocol", "v2-grpc")
        more = ("--header", "X-Api-Key: $TOKEN", "--campaign", "remote", "--name", "mine")
        done = sandbox.harness("run", "--launcher", "remote", *arguments, *more, TOKEN=SECRET)
    finally:
        server.stop(None).wait()
    assert done.returncode == 0, done.stderr
    run = sandbox.runs("remote")[cell_of("mine", "noop", 1)]
    assert run.facts.verified == 21
    assert all(window.requests.ok.all() for window in run.profiles)
    assert all(call["x-api-key"] == SECRET for call in calls)
