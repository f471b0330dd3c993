"""Options that name a container image as a variant, of `run`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.base.errors import UsageError
from harness.cli import _endpoint

if TYPE_CHECKING:
    from harness.setup.catalog import Variant

Function = TypeVar("Function", bound=Callable[..., Any])
_READY_PATH = "/health"
_OPTIONS = (
    click.option(
        "--image", help="With --launcher docker: an existing image as a variant, without a folder."
    ),
    click.option("--port", type=click.IntRange(1, 65535), help="Port that the image listens on."),
    click.option("--path", help="Path of a prediction, if not the protocol's."),
    click.option(
        "--ready-path",
        default=_READY_PATH,
        show_default=True,
        help="Path of the image probed until it answers 200.",
    ),
)


def options(command: Function) -> Function:
    """Options that name the image and its port."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def variant(options: dict[str, Any]) -> Variant | None:
    """The variant that `--image` names. Raises UsageError."""
    from harness.setup import adhoc, launching

    image = options["image"]
    if image is None:
        for name in ("port", "path", "ready_path"):
            if options[name] not in (None, _READY_PATH):
                raise UsageError(f"--{name.replace('_', '-')} goes with --image.")
        return None
    launcher = next((w for w in options["launchers"] if launching.of(w).runs_images), None)
    if launcher is None or options["url"]:
        way = launching.for_images()
        raise UsageError(f"--image goes with --launcher {way}, and without --url.")
    request = _endpoint.template(options)
    protocol = options["protocol"] or (_endpoint.TEMPLATE if request else None)
    if options["port"] is None or protocol is None:
        raise UsageError("--image needs --port, and --protocol or --request.")
    if options["headers"] or options["answers"] or options["unchecked"] or options["beside"]:
        raise UsageError("--header, --answers, --unchecked and --beside go with --launcher remote.")
    paths = {"path": options["path"] or "", "ready_path": options["ready_path"]}
    for name, path in paths.items():
        if path and not path.startswith("/"):
            raise UsageError(f"--{name.replace('_', '-')}: {path!r} does not begin with a slash.")
    return adhoc.of_image(
        image,
        _name(image, options),
        protocol,
        request,
        options["port"],
        launcher=launcher,
        **paths,
    )


def _name(image: str, options: dict[str, Any]) -> str:
    """The given name, or the end of the image's name without its tag and digest."""
    given = options["endpoint_name"]
    if given != _endpoint.USUAL_NAME:
        return _endpoint.free_name(given)
    last = image.rpartition("/")[2].partition("@")[0].partition(":")[0].lower()
    return _endpoint.free_name(re.sub(r"[^a-z0-9_-]", "-", last))
