"""Contexts of encrypted connections, the same for load and control, over HTTP and gRPC."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

from harness.base.errors import UsageError
from harness.base.trust import Trust


def context(trust: Trust) -> ssl.SSLContext:
    """The TLS context for HTTPS. Raises UsageError for files without a certificate or key."""
    _require_default()
    made = ssl.create_default_context()
    if trust.cacert:
        try:
            made.load_verify_locations(cafile=trust.cacert)
        except OSError as error:  # ssl.SSLError is one
            raise UsageError(_unusable("--cacert", trust.cacert, error)) from error
    if trust.cert:
        _load_own(made, trust)
    if trust.insecure:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def require_usable(trust: Trust, url: str) -> None:
    """Before anything is sent. Raises UsageError."""
    encrypted = url.startswith(("https:", "grpcs:"))
    if trust != Trust() and not encrypted:
        raise UsageError(
            "--cacert, --cert, --key and --insecure go with URLs that begin with https:// or "
            "grpcs://."
        )
    if trust.key and not trust.cert:
        raise UsageError("--key goes with --cert.")
    if trust.insecure and url.startswith("grpcs:"):
        raise UsageError("gRPC always checks certificates: give --cacert instead of --insecure.")
    if encrypted:
        for option in ("cacert", "cert", "key"):
            _require_a_file(f"--{option}", getattr(trust, option))
        _require_a_file("the variable SSL_CERT_FILE", os.environ.get("SSL_CERT_FILE", ""))
        context(trust)


def _require_a_file(what: str, path: str) -> None:
    """Each generator process reads it anew, and a FIFO may never have a writer."""
    if path and Path(path).exists() and not Path(path).is_file():
        raise UsageError(f"{what} names {path}, which is not a regular file.")


def credentials(trust: Trust) -> Any:
    """The certificates that gRPC trusts: the same as OpenSSL's for HTTPS."""
    import grpc

    own = trust.cacert or os.environ.get("SSL_CERT_FILE")
    own = own or ssl.get_default_verify_paths().cafile
    roots = Path(own).read_bytes() if own else None
    if not trust.cert:
        return grpc.ssl_channel_credentials(roots)
    key, chain = (Path(path).read_bytes() for path in (trust.key or trust.cert, trust.cert))
    return grpc.ssl_channel_credentials(roots, key, chain)


def _require_default() -> None:
    """OpenSSL would take a file that is not there for one without certificates."""
    path = os.environ.get("SSL_CERT_FILE")
    if not path:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError as error:
        raise UsageError(_unusable("the variable SSL_CERT_FILE", path, error)) from error


def _load_own(made: ssl.SSLContext, trust: Trust) -> None:
    def no_password() -> str:
        raise UsageError(f"The key in {trust.key or trust.cert} has a password: give one without.")

    try:
        made.load_cert_chain(trust.cert, trust.key or None, no_password)
    except OSError as error:
        option = "--cert and --key" if trust.key else "--cert"
        files = f"{trust.cert} and {trust.key}" if trust.key else trust.cert
        raise UsageError(_unusable(option, files, error)) from error


def _unusable(what: str, path: str, error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{what} names {path}, which holds no usable certificate ({error.reason or error})."
    return f"{what} names {path}, which can't be read: {error.strerror or error}."
