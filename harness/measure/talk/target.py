"""Request messages, whole and ready before the clock starts."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from harness.base import secrecy
from harness.base.errors import UsageError
from harness.base.trust import SYSTEM, Trust
from harness.measure.launch.launchers import Launched
from harness.measure.load.generator.job import Target
from harness.measure.talk.framing import Framing, require_sendable
from harness.measure.talk.headers import over
from harness.protocols import Message, Protocol
from harness.protocols.exchange import Exchanges
from harness.setup.endpoints import Headers

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ZONE = re.compile(r"%25[^\]]*(?=\])")


def target(
    url: str,
    messages: Iterable[Message],
    headers: Headers,
    method: str = "POST",
    trust: Trust = SYSTEM,
    exchanges: Exchanges | None = None,
) -> Target:
    """The target of requests over HTTP. `headers` replace those of messages and of the tool.

    A user in the URL becomes the header `Authorization`. Raises UsageError for what can't be sent.
    """
    parts, tls, port = split(url, ("http", "https"))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = _ZONE.sub("", parts.netloc.rpartition("@")[2])  # which means something here alone
    own: Headers = (("Host", host), *_authorization(parts))
    framing = Framing(path=path, own=own, users=headers, method=method)
    asked = tuple(messages)
    whole = tuple(framing.whole(each) for each in asked)
    return Target(
        host=host_of(parts),
        port=port,
        tls=tls,
        messages=whole,
        bodiless={each.method or method for each in asked} == {"HEAD"},
        trust=trust,
        framing=framing,
        exchanges=exchanges,
    )


def rpc_target(
    url: str,
    messages: Iterable[Message],
    headers: Headers,
    method: str,
    trust: Trust = SYSTEM,
    exchanges: Exchanges | None = None,
) -> Target:
    """The target of requests over gRPC. Raises UsageError for messages that can't be sent."""
    parts, tls, port = split(url, ("http", "https"))
    sent = over(_authorization(parts), headers)
    require_sendable(sent)
    metadata = tuple((name.lower(), value) for name, value in sent)
    bodies = tuple(message.body for message in messages)
    return Target(
        host=host_of(parts),
        port=port,
        tls=tls,
        messages=bodies,
        method=method,
        metadata=metadata,
        trust=trust,
        exchanges=exchanges,
    )


def target_of(
    launched: Launched, protocol: Protocol, path: str, messages: Sequence[Message]
) -> Target:
    """The target of requests to a started server."""
    url, trust = url_of(launched), launched.trust
    exchanges = protocol.exchanges(launched.base + path)
    if protocol.rpc:
        return rpc_target(url, messages, launched.headers, protocol.method, trust, exchanges)
    headers = over((("Accept", "application/json"),), launched.headers)
    return target(url + path, messages, headers, trust=trust, exchanges=exchanges)


def url_of(launched: Launched, port: int | None = None) -> str:
    """Scheme, host and port of a server that was started, and the prefix of its paths."""
    host = f"[{launched.host.replace('%', '%25')}]" if ":" in launched.host else launched.host
    return f"{launched.scheme}://{host}:{port or launched.port}{launched.base}"


def split(url: str, schemes: tuple[str, str]) -> tuple[SplitResult, bool, int]:
    """(its parts, whether it is encrypted, its port) of a URL; `schemes` are plain and encrypted.

    Raises UsageError for any other URL. The user in it is concealed from then on.
    """
    # An invalid URL may have its password anywhere before the last @.
    _, at, end = url.rpartition("@")
    scheme = _SCHEME.match(url)
    name = f"{scheme[0] if scheme else ''}***@{end}" if at else url
    # urlsplit would silently drop line breaks, and what is left of a header would be in the path.
    if not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"{name!r} is not a URL: {_how_to_write(end)}.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        why = "its user or port is malformed" if at else str(error)
        raise UsageError(f"{name!r} is not a URL: {why}.") from error
    if parts.scheme not in schemes or not parts.hostname:
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        raise UsageError(f"{name!r} is not a URL that starts with {wanted} and a host.")
    secrecy.keep_user(parts.netloc.rpartition("@")[0])
    tls = parts.scheme == schemes[1]
    return parts, tls, (443 if tls else 80) if port is None else port


def _how_to_write(text: str) -> str:
    """The correction for a URL, without its user, that contains forbidden characters."""
    host = text.rpartition("//")[2].partition("/")[0].rpartition(":")[0]
    host = host or text.rpartition("//")[2].partition("/")[0]
    if host.isascii() or not host.isprintable() or " " in host:
        return "write spaces and the like in it as %20"
    try:
        return f"write its host as {host.encode('idna').decode()}"
    except UnicodeError:
        return "its host is not a host name"


def host_of(parts: SplitResult) -> str:
    """The host, as the system's resolver takes it: %25 in a URL stands before an IPv6 zone."""
    return (parts.hostname or "").replace("%25", "%")


def _authorization(parts: SplitResult) -> Headers:
    user, at, _ = parts.netloc.rpartition("@")
    if not at:
        return ()
    name, _, password = user.partition(":")
    pair = unquote_to_bytes(name) + b":" + unquote_to_bytes(password)
    return (("Authorization", f"Basic {base64.b64encode(pair).decode()}"),)
