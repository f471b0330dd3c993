"""Trust in an encrypted connection: the accepted issuers, and this client's certificate."""

from __future__ import annotations

from dataclasses import dataclass

UNCHECKED = "certificates are not checked (--insecure): the server's identity is unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Paths of PEM files; empty: the system's certificates, no client certificate."""

    cacert: str = ""
    cert: str = ""
    key: str = ""  # empty: it is in the file `cert`
    insecure: bool = False  # any certificate is taken


SYSTEM = Trust()
