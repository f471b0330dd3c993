"""Options that name an endpoint that is already running: of `run`, `verify` and `record`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.base.errors import UsageError
from harness.cli import _tls
from harness.cli._named import PROTOCOL, VARIANT

if TYPE_CHECKING:
    from harness.setup.endpoints import Endpoint, Headers
    from harness.setup.templates import RequestTable

Function = TypeVar("Function", bound=Callable[..., Any])
TEMPLATE = "template"
USUAL_NAME = "deployed"


class _Template(click.ParamType[Any]):
    """A template itself, or the path of a TOML file of one."""

    name = "template"

    def convert(self, value: Any, param: Any, ctx: Any) -> str | Path:  # noqa: ARG002
        if isinstance(value, Path) or not value.endswith(".toml"):
            return value  # type: ignore[no-any-return]
        return Path(value)


REQUEST = click.option(
    "--request",
    type=_Template(),
    help="Request template: '{\"text\": $instance}', or a TOML file.",
)
PREDICTION = click.option(
    "--prediction", help="With --request: JMESPath of the prediction in an answer."
)
_OPTIONS = (
    click.option("--url", help="URL of an endpoint that is already running."),
    click.option("--protocol", type=PROTOCOL, help="The endpoint's protocol."),
    REQUEST,
    PREDICTION,
    click.option(
        "--header", "headers", multiple=True, help="Request header: 'Name: $VARIABLE'; repeatable."
    ),
    click.option(
        "--name",
        "endpoint_name",
        default=USUAL_NAME,
        show_default=True,
        help="The endpoint's name in the report.",
    ),
)
_CHECKS = (
    click.option(
        "--answers",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The endpoint's right answers, recorded by `record`.",
    ),
    click.option("--unchecked", is_flag=True, help="Do not check the endpoint's answers."),
)

BESIDE = click.option(
    "--beside",
    type=VARIANT,
    help="With --launcher remote: also measure this variant and show the ratio to it.",
)


def options(command: Function) -> Function:
    """Options that name the endpoint and its protocol."""
    command = _tls.tls_options(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def checks(command: Function) -> Function:
    """Options that name the right answers."""
    for option in reversed(_CHECKS):
        command = option(command)
    return command


def template(options: dict[str, Any]) -> RequestTable | None:
    """The request template of `--request`. Raises UsageError."""
    from harness.base import toml
    from harness.setup.templates import RequestTable

    text, prediction = options["request"], options.get("prediction")
    if text is None:
        if prediction is not None:
            raise UsageError("--prediction goes with --request.")
        return None
    if not isinstance(text, Path):
        data = {"body": text} | ({} if prediction is None else {"prediction": prediction})
        return toml.of(data, RequestTable, "--request")
    found = toml.load(text, RequestTable)
    if prediction is None:
        return found
    return toml.of(found.model_dump() | {"prediction": prediction}, RequestTable, "--prediction")


def named(options: dict[str, Any]) -> Endpoint:
    """The endpoint that the options name. Raises UsageError."""
    from harness.measure.talk import headers
    from harness.protocols import spoken
    from harness.setup.endpoints import Endpoint, by_name

    request = template(options)
    url, protocol = options["url"], options["protocol"] or (TEMPLATE if request else None)
    if not url or not protocol:
        raise UsageError("--launcher remote needs --url, and --protocol or --request.")
    rpc = spoken(protocol, request).rpc
    if protocol == TEMPLATE and request is None:
        raise UsageError("The protocol 'template' needs --request.")
    host = _checked(url, protocol, rpc=rpc)
    given = (*_of_template(request), *headers.given(options["headers"]))
    headers.require_no_secret(given)
    headers.filled(given)
    return Endpoint(
        name=free_name(options["endpoint_name"]),
        url=url,
        protocol=protocol,
        headers=by_name(given),
        trust=_tls.trust(options, url),
        request=_without_headers(request),
        judged_by=_judge(options),
        is_here=_is_here(host),
        beside=options.get("beside") or "",
    )


def _checked(url: str, protocol: str, *, rpc: bool) -> str:
    """The URL's host."""
    from harness.measure.launch.launchers.remote import schemes
    from harness.measure.talk.target import host_of, split

    parts, _, _ = split(url, schemes(url))
    if url.startswith("grpc") != rpc:
        wanted = "grpc:// or grpcs://" if rpc else "http:// or https://"
        raise UsageError(f"The protocol {protocol!r} needs a URL that starts with {wanted}.")
    if "@" in parts.netloc or parts.query:
        raise UsageError("The URL is stored: give secrets by --header 'Name: $VARIABLE' instead.")
    return host_of(parts)


def free_name(name: str) -> str:
    """A name that rows may have. Raises UsageError."""
    from harness.setup import catalog

    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or name in catalog.variants():
        raise UsageError(f"{name!r} can't be the endpoint's name, or is a variant's.")
    return name


def _of_template(request: RequestTable | None) -> Headers:
    """Its headers but the type of the body, which is the template's own to know."""
    return tuple(pair for pair in (request.headers if request else {}).items() if not _typed(*pair))


def _without_headers(request: RequestTable | None) -> RequestTable | None:
    if request is None:
        return None
    kept = {name: value for name, value in request.headers.items() if _typed(name, value)}
    return request.model_copy(update={"headers": kept})


def _typed(name: str, _: str) -> bool:
    return name.lower() == "content-type"


def _judge(options: dict[str, Any]) -> str:
    from harness.setup.endpoints import RECORDED, REFERENCE, UNJUDGED

    if options.get("answers") and options.get("unchecked"):
        raise UsageError("Give either --answers or --unchecked.")
    if options.get("answers"):
        return RECORDED
    return UNJUDGED if options.get("unchecked") else REFERENCE


def _is_here(host: str) -> bool:
    """Whether a host is this machine, by name or by one of its addresses."""
    import socket

    import psutil

    own = {each.address for found in psutil.net_if_addrs().values() for each in found}
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False  # what can't be found is told when it is asked
    return any(address.startswith("127.") or address in own | {"::1"} for address in found)
