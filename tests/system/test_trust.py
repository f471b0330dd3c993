"""Certificates: whose are trusted, and one's own."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest
import trustme

from harness.base.trust import UNCHECKED
from tests.system import endpoints
from tests.system.conftest import Command
from tests.system.endpoints import Endpoint, echo

pytestmark = pytest.mark.slow

SHORT = ("--rate", "40", "--duration", "0.5", "--profile", "constant", "--timeout", "5")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def roots(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(tmp_path / "roots.pem")
    return str(tmp_path / "roots.pem")


@pytest.fixture
def own(authority: trustme.CA, tmp_path: Path) -> tuple[str, str]:
    """A client's certificate and key."""
    issued = authority.issue_cert("client@example.org")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")


def _server(
    authority: trustme.CA,
    name: str = "127.0.0.1",
    *,
    asks: bool = False,
    behave: endpoints.Behaviour = echo,
) -> Endpoint:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    if asks:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return Endpoint(behave, context)


@pytest.mark.parametrize("load", [SHORT, ("--concurrency", "2", "--duration", "0.3")])
def test_a_ca_of_ones_own(
    cli: Command, authority: trustme.CA, roots: str, load: tuple[str, ...]
) -> None:
    with _server(authority) as endpoint:
        unknown = json.loads(cli("load", endpoint.url, *load, "--json").stdout)
        trusted = json.loads(cli("load", endpoint.url, *load, "--cacert", roots, "--json").stdout)
    (cause,) = unknown["causes"]
    assert (cause["error"], cause["kind"]) == ("connect", "certificate")
    assert "certificate" in cause["said"]
    assert trusted["ok"] == trusted["requests"] > 0
    assert trusted["insecure"] is False


def test_a_certificate_of_another_name(cli: Command, authority: trustme.CA, roots: str) -> None:
    with _server(authority, "example.org") as endpoint:
        done = cli("load", endpoint.url, *SHORT, "--cacert", roots, "--json")
    (cause,) = json.loads(done.stdout)["causes"]
    assert cause["kind"] == "certificate"
    assert "127.0.0.1" in cause["said"]


def test_insecure_takes_any_and_every_output_says_so(cli: Command, authority: trustme.CA) -> None:
    with _server(authority, "example.org") as endpoint:
        told = json.loads(cli("load", endpoint.url, *SHORT, "--insecure", "--json").stdout)
        text = cli("load", endpoint.url, *SHORT, "--insecure").stdout
        search = ("--slo", "p99<5s", "--budget", "4s", "--insecure")
        found = cli("capacity", endpoint.url, *search).stdout
        found_json = json.loads(cli("capacity", endpoint.url, *search, "--json").stdout)
    assert told["ok"] == told["requests"] > 0
    assert told["insecure"] is True
    assert found_json["insecure"] is True
    assert f"warning: {UNCHECKED}" in text
    assert f"warning: {UNCHECKED}" in found


def test_a_certificate_of_ones_own(
    cli: Command, authority: trustme.CA, roots: str, own: tuple[str, str]
) -> None:
    with _server(authority, asks=True) as endpoint:
        trusted = (endpoint.url, *SHORT, "--cacert", roots)
        without = json.loads(cli("load", *trusted, "--json").stdout)
        with_it = cli("load", *trusted, "--cert", own[0], "--key", own[1], "--json")
    assert without["ok"] == 0
    kinds = {cause["kind"] for cause in without["causes"]}
    assert kinds <= {"closed after the handshake", "client certificate", "reset"}
    found = json.loads(with_it.stdout)
    assert found["ok"] == found["requests"] > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["https://h/", "--cacert", "gone.pem"], "names gone.pem, which can't be read"),
        (["https://h/", "--cacert", "pyproject.toml"], "holds no usable certificate"),
        (["https://h/", "--cert", "gone.pem"], "--cert names gone.pem"),
        (["https://h/", "--cacert", "/dev/null"], "names /dev/null, which is not a regular file"),
        (["https://h/", "--key", "gone.pem"], "--key goes with --cert"),
        (["http://h/", "--insecure"], "go with URLs that begin with https://"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_sent(
    cli: Command, arguments: list[str], sentence: str
) -> None:
    done = cli("load", *arguments, *SHORT)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_variable_that_names_no_certificate(
    cli: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    done = cli("load", "https://127.0.0.1:9/", *SHORT)
    assert done.returncode == 2
    assert "the variable SSL_CERT_FILE names" in done.stderr


def test_a_capacity_that_cannot_be_asked_for_says_why(cli: Command, authority: trustme.CA) -> None:
    search = ("--slo", "p99<50ms", "--budget", "10s")
    refused = cli("capacity", endpoints.refused(), *search)
    assert refused.returncode == 1
    assert "nothing is known: nothing was answered: " in refused.stdout
    assert "connect (refused)" in refused.stdout
    with _server(authority) as endpoint:
        untrusted = cli("capacity", endpoint.url, *search)
    assert "certificate" in untrusted.stdout
    with Endpoint(endpoints.says(endpoints.message(b"who?", 401))) as endpoint:
        unknown = json.loads(cli("capacity", endpoint.url, *search, "--json").stdout)
    (found,) = unknown["results"]
    assert found["probes"] == []
    assert "status (401 'who?')" in found["ended"]


def test_verify_and_record_trust_as_the_others_do(
    cli: Command, authority: trustme.CA, roots: str, own: tuple[str, str], tmp_path: Path
) -> None:
    right = endpoints.says(endpoints.message(b'{"predictions": [{"label": "noop"}]}'))
    kept = str(tmp_path / "kept.jsonl")
    ours = ("--cacert", roots, "--cert", own[0], "--key", own[1])
    with _server(authority, asks=True, behave=right) as endpoint:
        asked = ("--url", endpoint.url, "--protocol", "json", "--benchmark", "noop")
        unknown = cli("verify", *asked)
        trusted = json.loads(cli("verify", *asked, *ours, "--json").stdout.splitlines()[-1])
        recorded = cli("record", *asked, *ours, "--output", kept)
    assert unknown.returncode == 1
    assert "--cacert FILE trusts another issuer" in unknown.stdout
    assert (trusted["outcome"], trusted["insecure"]) == ("ok", False)
    assert recorded.returncode == 0, recorded.stderr
    assert UNCHECKED not in recorded.stdout


def test_verify_and_record_say_that_they_took_any_certificate(
    cli: Command, authority: trustme.CA, tmp_path: Path
) -> None:
    right = endpoints.says(endpoints.message(b'{"predictions": [{"label": "noop"}]}'))
    wrong = endpoints.says(endpoints.message(b'{"predictions": [{"label": "yes"}]}'))
    for behave, code in ((right, 0), (wrong, 1)):
        with _server(authority, "example.org", behave=behave) as endpoint:
            asked = ("--url", endpoint.url, "--protocol", "json", "--benchmark", "noop")
            done = cli("verify", *asked, "--insecure")
            told = json.loads(cli("verify", *asked, "--insecure", "--json").stdout.splitlines()[-1])
            output = ("--output", str(tmp_path / f"{code}.jsonl"))
            recorded = cli("record", *asked, "--insecure", *output)
        assert done.returncode == code
        assert f"  warning: {UNCHECKED}" in done.stdout.splitlines()
        assert told["insecure"] is True
        assert f"warning: {UNCHECKED}" in recorded.stdout.splitlines()
