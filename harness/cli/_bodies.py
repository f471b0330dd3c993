"""The requests of `load` and `capacity` to a URL: empty, bodies as given, or filled templates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.base.errors import UsageError
from harness.cli import _endpoint
from harness.cli._named import METHOD

if TYPE_CHECKING:
    from harness.base.trust import Trust
    from harness.measure.campaign.endpoint import MessageEndpoint
    from harness.protocols import Message
    from harness.setup.templates import RequestTable

Function = TypeVar("Function", bound=Callable[..., Any])
_MOST_BYTES = 1 << 28  # of all bodies: each generator process has them in its memory
_COMES_S = 10.0  # for the next bytes of a pipe: its writer may never come
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option(
        "--body",
        "body",
        type=_FILE,
        multiple=True,
        help="With a URL: file with a request's body, possibly empty; the method becomes POST; "
        "repeatable.",
    ),
    click.option(
        "--bodies", type=_FILE, help="With a URL: file with one body per line (JSON lines)."
    ),
    _endpoint.REQUEST,
    click.option("--method", type=METHOD, help="With a URL: default POST with a body, else GET."),
    click.option(
        "--header", "headers", multiple=True, help="With a URL: 'Name: value'; repeatable."
    ),
)
NAMES = ("body", "bodies", "request", "method", "headers")


def options(command: Function) -> Function:
    """The options that name the bodies."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def endpoint(url: str, options: dict[str, Any], timeout_s: float, trust: Trust) -> MessageEndpoint:
    """The URL with everything that is sent there. Raises UsageError."""
    from harness.measure.campaign.endpoint import MessageEndpoint
    from harness.measure.talk.headers import filled, given, over
    from harness.measure.talk.target import split

    split(url, ("http", "https"))
    table = _endpoint.template(options)
    own = tuple(table.headers.items()) if table else ()
    messages = tuple(_messages(options, table, url))
    bodies = bool(options["body"] or options["bodies"])
    method = options["method"] or (table.verb if table else "POST" if bodies else "GET")
    headers = over(own, given(options["headers"]))
    return MessageEndpoint(
        url=url,
        messages=messages,
        headers=filled(headers),
        timeout_s=timeout_s,
        method=method,
        trust=trust,
    )


def _messages(options: dict[str, Any], table: RequestTable | None, url: str) -> Iterator[Message]:
    from harness.protocols import Message, json_type

    if table is not None:
        yield from _of_template(options, table, url)
        return
    if not options["body"] and options["bodies"] is None:
        yield Message(b"")
        return
    for body in _bounded(_bodies(options)):
        yield Message(body, headers=json_type() if body else {})


def _of_template(options: dict[str, Any], table: RequestTable, url: str) -> Iterator[Message]:
    from dataclasses import replace
    from urllib.parse import urlsplit

    from harness.protocols import spoken

    if options["bodies"] is None or options["body"]:
        raise UsageError("--request takes its instances from --bodies FILE.jsonl, a line for each.")
    protocol = spoken(_endpoint.TEMPLATE, table).at(urlsplit(url).path)
    for number, line in enumerate(_bounded(_lines(options["bodies"]))):
        instance = _instance(options["bodies"], number + 1, line)
        message = protocol.numbered(number).encode([instance])
        yield replace(message, method=options["method"] or message.method)


def _instance(path: Path, number: int, line: bytes) -> Any:
    """The instance in a line, alone or in the form of a benchmark's payloads.jsonl."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}, line {number}: not JSON, so not an instance.") from error
    return found["instance"] if isinstance(found, dict) and "instance" in found else found


def _bodies(options: dict[str, Any]) -> Iterator[bytes]:
    for path in options["body"]:
        yield _read(path)
    if options["bodies"] is not None:
        yield from _lines(options["bodies"])


def _lines(path: Path) -> list[bytes]:
    found = [line for line in _read(path).splitlines() if line.strip()]
    if not found:
        raise UsageError(f"{path} has no lines.")
    return found


def _read(path: Path) -> bytes:
    """A pipe's content, too, such as a shell's `<(...)`: as long as something comes."""
    from harness.base import reading

    found = reading.arriving(path, _MOST_BYTES, _COMES_S)
    if len(found) > _MOST_BYTES:
        raise _too_much()
    return found


def _bounded(bodies: Iterator[bytes] | list[bytes]) -> Iterator[bytes]:
    """Raises UsageError where they are more in all than a generator should hold."""
    total = 0
    for body in bodies:
        total += len(body)
        if total > _MOST_BYTES:
            raise _too_much()
        yield body


def _too_much() -> UsageError:
    return UsageError(
        f"The bodies have more than {_MOST_BYTES >> 20} MiB in all, which each generator process "
        "would hold: give fewer."
    )
