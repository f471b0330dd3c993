"""Why requests failed: which reason it was, in words that are safe to print."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from array import array

import pytest

from harness.measure.load.generator import why
from harness.windows import causes
from harness.windows.causes import Cause
from harness.windows.samples import ERRORS


def _verify_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "Hostname mismatch"
    return error


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (_os_error(errno.ECONNREFUSED), "refused", ""),
        (_os_error(errno.EADDRNOTAVAIL), "no ports left", ""),
        (_os_error(errno.EMFILE), "no descriptors", "this machine lets"),
        (_os_error(errno.EHOSTUNREACH), "unreachable", ""),
        (_os_error(errno.ENETUNREACH), "unreachable", ""),
        (_os_error(errno.ECONNRESET), "reset", ""),
        (ConnectionResetError(), "reset", ""),
        (_os_error(errno.ETIMEDOUT), "no answer to the connection", ""),
        (TimeoutError(), "no answer to the connection", ""),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "name not found", "Name"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary"), "name not found", "the name server"),
        (UnicodeError("label too long"), "name not found", "label too long"),
        (_verify_error(), "certificate", "Hostname mismatch"),
        (_tls_error("WRONG_VERSION_NUMBER"), "no TLS", "wrong version number"),
        (_tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "client certificate", "tlsv13"),
        (_tls_error("NO_SHARED_CIPHER"), "TLS failed", "no shared cipher"),
        (_tls_error("TLSV1_ALERT_NO_APPLICATION_PROTOCOL"), "speaks only HTTP/2", "tlsv1 alert"),
        (
            OSError(
                "Multiple exceptions: [Errno 111] a ('::1', 1), [Errno 111] b ('127.0.0.1', 1)"
            ),
            "refused",
            "",
        ),
        (OSError("Multiple exceptions: [Errno 111] a, [Errno 113] b"), "failed", "Multiple"),
        (OSError("odd"), "failed", "odd"),
    ],
)
def test_why_no_connection_could_be_opened(error: Exception, kind: str, said: str) -> None:
    found, words = why.of_connecting(error)
    assert found == kind
    assert words.startswith(said) if said else words == ""


@pytest.mark.parametrize(
    ("error", "tls", "silent", "kind"),
    [
        (None, False, False, "closed by the server"),
        (None, False, True, "closed without an answer"),
        (None, True, True, "closed after the handshake"),
        (ConnectionResetError(), False, True, "reset"),
        (_tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), True, True, "client certificate"),
        (OSError("odd"), False, True, "ended"),
    ],
)
def test_why_a_connection_ended(
    error: Exception | None, tls: bool, silent: bool, kind: str
) -> None:
    assert why.of_ending(error, tls=tls, silent=silent)[0] == kind


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("failed to connect to all addresses; ipv4:1.2.3.4:1: Connection refused (111)", "refused"),
        ("DNS resolution failed for nohost.invalid:1: ...", "name not found"),
        ("Ssl handshake failed: SSL_ERROR_SSL: CERTIFICATE_VERIFY_FAILED", "certificate"),
        ("connect: Network is unreachable (101)", "unreachable"),
        ("something else", "failed"),
    ],
)
def test_what_grpc_says(words: str, kind: str) -> None:
    assert why.of_words(words) == (kind, words)


def test_statuses_are_counted_with_what_the_first_of_each_said() -> None:
    status = array("h", [200, 307, 503, 307, 200, 0])
    bad, timeout = ERRORS.index("status"), ERRORS.index("timeout")
    error = array("b", [0, bad, bad, bad, 0, timeout])
    said = {307: (b"", b"/else/", b""), 503: (b"busy\n\x1b[2J", b"", b"")}
    found = why.of_statuses(status, error, said)
    assert found == [
        Cause(error="status", kind="307", count=2, said="", location="/else/"),
        Cause(error="status", kind="503", count=1, said="busy \\x1b[2J", location=""),
    ]


def test_causes_of_several_processes_are_one_each() -> None:
    parts = [
        Cause(error="connect", kind="refused", count=2),
        Cause(error="status", kind="503", count=1, said=""),
        Cause(error="connect", kind="reset", count=1),
        Cause(error="status", kind="503", count=4, said="busy"),
    ]
    assert causes.merged(parts) == (
        Cause(error="status", kind="503", count=5, said="busy"),
        Cause(error="connect", kind="refused", count=2),
        Cause(error="connect", kind="reset", count=1),
    )


def test_a_sentence_names_each_error_with_its_reasons() -> None:
    known = (
        Cause(error="status", kind="307", count=2, said="", location="/else/"),
        Cause(error="status", kind="503", count=1, said="busy"),
        Cause(error="connect", kind="refused", count=3),
    )
    assert causes.told({"connect": 3, "status": 4, "timeout": 1}, known) == (
        "3 connect (refused), 4 status (2 307 to /else/; 1 503 'busy'; 1 others), 1 timeout"
    )


def test_a_sentence_says_what_would_do() -> None:
    said = causes.told(
        {"connect": 1}, [Cause(error="connect", kind="certificate", count=1, said="self-signed")]
    )
    assert said.startswith("1 connect (certificate: self-signed; --cacert FILE")


def test_a_secret_that_a_server_repeats_is_hidden() -> None:
    cause = Cause(
        error="status",
        kind="401",
        count=1,
        said="no such token: s3cr3t-value",
        location="/?t=Bearer s3cr3t-value",
    )
    (found,) = causes.without_secrets([cause], ["Bearer s3cr3t-value", "a b"])
    assert (found.said, found.location) == ("no such token: ***", "/?t=***")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("x" * 188 + " s3cr3t-val+ue", None),
        ("x" * 190 + " s3cr3t-val+ue", None),
        ("x" * 197 + " s3cr3t-val+ue", None),
        ("token s3cr3t-val%2Bue", "token ***"),
        ("it ends in s", "it ends in s"),
    ],
)
def test_a_secret_is_hidden_where_its_end_is_cut_off_and_in_a_url(
    said: str, shown: str | None
) -> None:
    cause = Cause(error="status", kind="401", count=1, said=causes.printable(said))
    (found,) = causes.without_secrets([cause], ["Bearer s3cr3t-val+ue"])
    if shown is None:
        assert found.said.endswith("x ***…")
        assert " s" not in found.said
    else:
        assert found.said == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"a\r\nb\tc", "a b c"),
        (b"\xff\x07", "�\\x07"),
        ("x" * 300, "x" * 199 + "…"),
        ("\u202eabc", "\\u202eabc"),
    ],
)
def test_words_of_a_server_are_one_line_that_moves_no_cursor(text: str | bytes, shown: str) -> None:
    assert causes.printable(text) == shown
