"""`harness load URL`: any endpoint, and the stable keys of its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system import endpoints
from tests.system.conftest import Command
from tests.system.endpoints import Endpoint, Writer, echo, message, says

pytestmark = pytest.mark.slow

KEYS = {
    "planned_rate",
    "achieved_rate",
    "requests",
    "ok",
    "errors",
    "response_ms",
    "service_ms",
    "lag_us",
    "generator_cpu",
    "findings",
}
PERCENTILES = {"mean", "p50", "p90", "p95", "p99", "p999", "max"}


@pytest.fixture(scope="module")
def null_url() -> Iterator[str]:
    with endpoints.null_server() as (url, _):
        yield url


def _loaded(cli: Command, *arguments: str) -> dict[str, Any]:
    done = cli("load", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found.keys() >= KEYS
    assert found["ok"] + sum(found["errors"].values()) == found["requests"]
    return found


def test_an_open_loop_has_the_stable_keys(cli: Command, null_url: str) -> None:
    found = _loaded(cli, null_url, "--rate", "400", "--duration", "0.5")
    assert found["planned_rate"] == 400
    assert found["achieved_rate"] == found["requests"] / 0.5
    assert found["errors"] == {}
    assert found["response_ms"].keys() == PERCENTILES
    assert found["service_ms"].keys() == PERCENTILES
    assert found["response_ms"]["p50"] >= found["service_ms"]["p50"] > 0
    assert found["response_ms"]["p999"] is None, "some 200 answers have no 99.9th percentile"
    assert found["lag_us"].keys() == {"p50", "p99", "max"}
    assert found["generator_cpu"] > 0
    assert all(f.keys() >= {"name", "verdict", "message"} for f in found["findings"])


def test_a_closed_loop_has_no_plan(cli: Command, null_url: str) -> None:
    found = _loaded(cli, null_url, "--concurrency", "4", "--duration", "2")
    assert found["planned_rate"] is None
    assert found["response_ms"] is None
    assert found["lag_us"] is None
    assert found["service_ms"]["p50"] > 0
    assert found["requests"] > 0


@pytest.mark.parametrize(
    ("options", "planned", "requests"),
    [
        (("--rate", "100", "--profile", "constant"), 100, 50),
        (("--rate", "50", "--rate-to", "150", "--profile", "ramp"), 100, None),
        (("--rate", "50", "--rate-to", "300", "--profile", "spike"), 100, None),
    ],
    ids=["constant", "ramp", "spike"],
)
def test_every_profile(
    cli: Command, null_url: str, options: tuple[str, ...], planned: float, requests: int | None
) -> None:
    found = _loaded(cli, null_url, *options, "--duration", "0.5")
    assert found["profile"] == options[-1]
    assert found["planned_rate"] == pytest.approx(planned)
    assert found["ok"] == found["requests"]
    if requests is not None:
        assert found["requests"] == requests


def test_the_seed_decides_when_requests_are_due(cli: Command, null_url: str) -> None:
    counts = [
        _loaded(cli, null_url, "--rate", "400", "--duration", "0.2", "--seed", seed)["requests"]
        for seed in ("1", "1", "2")
    ]
    assert counts[0] == counts[1] != counts[2]


def test_a_request_without_a_body_is_a_get(cli: Command) -> None:
    with Endpoint(echo) as endpoint:
        _loaded(cli, endpoint.url + "?a=b", "--rate", "100", "--duration", "0.1")
    assert {head.split(b"\r\n")[0] for head in endpoint.requests} == {b"GET /predict?a=b HTTP/1.1"}


def test_a_body_makes_it_a_post_and_headers_go_along(cli: Command, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_bytes('{"instances": ["naïve"]}'.encode())
    with Endpoint(echo) as endpoint:
        headers = ("--header", "X-Key: a b", "--header", "Content-Type:text/plain")
        found = _loaded(
            cli, endpoint.url, "--rate", "100", "--duration", "0.2", "--body", str(body), *headers
        )
    assert len(endpoint.bodies) == found["requests"]
    assert set(endpoint.bodies) == {body.read_bytes()}
    (head,) = set(endpoint.requests)
    assert head.startswith(b"POST /predict HTTP/1.1\r\n")
    assert b"\r\nX-Key: a b\r\n" in head
    assert head.lower().count(b"content-type:") == 1
    assert b"Content-Type: text/plain\r\n" in head


def test_headers_of_ones_own_replace_those_of_the_harness(cli: Command, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_bytes(b"{}")
    given = ["Host: example.com", "content-type: text/plain", "X-A: 1", "x-a: 2", "X-A: 1"]
    headers = [word for header in given for word in ("--header", header)]
    with Endpoint(echo) as endpoint:
        url = endpoint.url.replace("//", "//me:s3cret@")
        found = _loaded(
            cli, url, "--rate", "100", "--duration", "0.2", "--body", str(body), *headers
        )
    (head,) = set(endpoint.requests)
    lines = head.decode().split("\r\n")[1:-2]
    credentials = "Authorization: Basic bWU6czNjcmV0"
    assert lines == [credentials, *given, "Content-Length: 2"]
    assert "s3cret" not in json.dumps(found)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_a_method_is_sent_as_it_is_given(cli: Command, tmp_path: Path, method: str) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    options = ("--body", str(empty)) if method == "POST" else ("--method", method)

    async def answer(_: Endpoint, body: bytes, writer: Writer) -> bool:
        writer.write(message(b"" if method == "HEAD" else b"hello"))
        return True

    with Endpoint(answer) as endpoint:
        found = _loaded(cli, endpoint.url, "--rate", "100", "--duration", "0.2", *options)
    assert found["ok"] == found["requests"] == len(endpoint.requests)
    (head,) = set(endpoint.requests)
    assert head.startswith(f"{method} /predict HTTP/1.1\r\n".encode())
    assert (b"Content-Length: 0\r\n" in head) == (method in ("POST", "PUT"))


def test_where_nothing_listens_every_request_is_an_error(cli: Command) -> None:
    done = cli("load", endpoints.refused(), "--rate", "100", "--duration", "0.2", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["requests"] > 0
    assert found["errors"] == {"connect": found["requests"]}
    assert found["ok"] == 0
    assert found["response_ms"]["mean"] is None


def test_a_host_that_does_not_exist_is_an_error_of_the_connection(cli: Command) -> None:
    for host in ("no-such-host.invalid", "a..b"):
        done = cli("load", f"http://{host}/", "--concurrency", "1", "--duration", "2", "--json")
        assert done.returncode == 1
        assert json.loads(done.stdout)["errors"].keys() == {"connect"}


def test_a_status_is_an_error(cli: Command) -> None:
    with Endpoint(says(endpoints.message(b"no", 503))) as endpoint:
        done = cli("load", endpoint.url, "--rate", "100", "--duration", "0.2", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["errors"] == {"status": found["requests"]}


def test_it_speaks_to_people_too(cli: Command, null_url: str) -> None:
    done = cli("load", null_url, "--rate", "100", "--duration", "0.2")
    assert done.returncode == 0
    assert done.stdout.startswith("requests ")
    assert "planned 100.0/s" in done.stdout
    assert "response ms" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["http://h/", "--rate", "1", "--concurrency", "1"], "either --rate (open loop) or"),
        (["http://h/"], "either --rate (open loop) or"),
        (["h:1", "--rate", "1"], "is not a URL"),
        (["ftp://h/", "--rate", "1"], "is not a URL"),
        (["http:///x", "--rate", "1"], "is not a URL"),
        (["http://h:port/", "--rate", "1"], "is not a URL"),
        (["http://[::1/", "--rate", "1"], "is not a URL"),
        (["http://h/ b", "--rate", "1"], "is not a URL"),
        (["http://h/", "--rate", "1", "--header", "nothing"], "form 'Name: value'"),
        (["http://h/", "--rate", "1", "--header", "A: b\r\nC: d"], "can't stand in a request"),
        (["http://h/", "--rate", "1", "--header", "content-length: 5"], "leave it out"),
        (["http://h/", "--rate", "1", "--header", "Transfer-Encoding: chunked"], "leave it out"),
        (["http://h/", "--rate", "1", "--method", "GET /"], "The method 'GET /' can't be sent"),
        (["http://h/", "--rate", "1", "--method", "CONNECT"], "can't be sent"),
        (["http://h/", "--rate", "1", "--profile", "poison"], "Did you mean 'poisson'?"),
        (["http://h/", "--rate", "1", "--profile", "ramp"], "needs --rate-to"),
        (["http://h/", "--rate", "1", "--rate-to", "2"], "'poisson' has no --rate-to"),
        (["http://h/", "--concurrency", "1", "--rate-to", "2"], "'closed' has no --rate-to"),
        (["http://h/", "--rate", "1", "--seed", "-1"], "--seed"),
        (["http://h/", "--rate", "1", "--profile", "closed"], "does not go with"),
        (["http://h/", "--concurrency", "1", "--profile", "constant"], "does not go with"),
        (["http://h/", "--rate", "0"], "--rate"),
        (["http://h/", "--rate", "-1"], "--rate"),
        (["http://h/", "--rate", "nan"], "--rate"),
        (["http://h/", "--rate", "inf"], "--rate"),
        (["http://h/", "--rate", "0.001", "--duration", "3"], "give --duration 1000 or more"),
        (
            ["http://h/", "--rate", "0.03", "--duration", "3", "--profile", "constant"],
            "give --duration 34 or more",
        ),
        (["http://h/", "--rate", "1e-300", "--duration", "1"], "give a higher --rate"),
        (["http://h/", "--rate", "5e-324", "--duration", "5e-324"], "give a higher --rate"),
        (["http://h/", "--rate", "1e308"], "of memory"),
        (["http://h/", "--rate", "1e7", "--duration", "1e5"], "1e+12 requests would take 227 TiB"),
        (["http://h/", "--rate", "1e308"], "would take more than 10^308 bytes of memory"),
        (["http://h/", "--concurrency", "1", "--duration", "1e-9"], "give --duration 0.01 or more"),
        (
            ["http://h/", "--concurrency", "2", "--think", "100", "--duration", "9"],
            "2 users, who think 100 s on average, send nothing: give --duration 50 or more",
        ),
        (["http://h/", "--concurrency", "100000000"], "of memory"),
        (["http://h/", "--rate", "1", "--timeout", "1e300"], "too long"),
        (["http://h/", "--rate", "1", "--duration", "1e300"], "too long"),
        (["http://h/", "--rate", "1", "--duration", "0"], "--duration"),
        (["http://h/", "--concurrency", "0"], "--concurrency"),
        (["http://h/", "--rate", "1", "--body", "no-such-file"], "--body"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_asked_for(cli: Command, arguments: list[str], sentence: str) -> None:
    done = cli("load", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_a_window_for_one_request_has_one(cli: Command, null_url: str, seed: str) -> None:
    found = _loaded(cli, null_url, "--rate", "10", "--duration", "0.1", "--seed", seed)
    assert found["ok"] >= 1


async def _third_held(endpoint: Endpoint, body: bytes, writer: endpoints.Writer) -> bool:
    if len(endpoint.requests) % 3 == 0:
        await endpoint.let_go.wait()
    return await echo(endpoint, body, writer)


@pytest.mark.parametrize(
    "load", [("--rate", "100", "--duration", "4"), ("--concurrency", "20", "--duration", "10")]
)
def test_what_is_never_answered_is_in_the_percentiles(cli: Command, load: tuple[str, ...]) -> None:
    with Endpoint(_third_held) as endpoint:
        done = cli("load", endpoint.url, *load, "--timeout", "0.5", "--json")
        found = json.loads(done.stdout)
        times = found["response_ms"] or found["service_ms"]
        assert found["errors"].keys() == {"timeout"}
        assert found["failed_share"] == pytest.approx(1 / 3, abs=0.05)
        assert times["p50"] is not None
        beyond = {name for name in ("p90", "p95") if times[name] is None}
        assert beyond == {"p90", "p95"}
        assert {found["beyond"][name] for name in beyond} == {"over 500 ms (time-out)"}
        done = cli("load", endpoint.url, *load, "--timeout", "0.5")
        endpoint.release()
    assert "p95 over 500 ms (time-out)" in done.stdout
