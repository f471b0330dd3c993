"""The options of encrypted connections, the same for every command that has a URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from harness.base.trust import Trust

_Command = TypeVar("_Command", bound=Callable[..., Any])
_FILE = click.Path(dir_okay=False)
_OPTIONS = (
    click.option("--cacert", type=_FILE, help="PEM file of additional certificates to trust."),
    click.option("--cert", type=_FILE, help="Client certificate."),
    click.option("--key", type=_FILE, help="Key of --cert, if in a separate file."),
    click.option("--insecure", is_flag=True, help="Accept any certificate; every output says so."),
)
NAMES = ("cacert", "cert", "key", "insecure")


def tls_options(command: _Command) -> _Command:
    """Give a command the options, in order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def trust(options: dict[str, Any], url: str) -> Trust:
    """The trust that the options give to a URL. Raises UsageError for unusable files."""
    from harness.base.trust import Trust
    from harness.measure.talk import tls

    found = Trust(
        cacert=options["cacert"] or "",
        cert=options["cert"] or "",
        key=options["key"] or "",
        insecure=options["insecure"],
    )
    tls.require_usable(found, url)
    return found
