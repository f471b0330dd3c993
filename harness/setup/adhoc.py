"""Variants without a folder of their own: an endpoint that is up already, a container image."""

from __future__ import annotations

from urllib.parse import urlsplit

from harness.base import paths
from harness.protocols import spoken
from harness.setup.catalog import Server, Variant
from harness.setup.endpoints import Endpoint
from harness.setup.launching import REMOTE
from harness.setup.tables import ServerTable, VariantTable
from harness.setup.templates import RequestTable

IMAGE = "an image"  # the framework of variants that are nothing else


def deployed(endpoint: Endpoint) -> Variant:
    """The variant that a deployed endpoint is."""
    table = VariantTable(
        name=endpoint.name,
        track="remote",
        description=f"An endpoint that was already running, at {endpoint.url}.",
        protocol=endpoint.protocol,
        command=(endpoint.url,),
        path=urlsplit(endpoint.url).path,
        request=endpoint.request,
    )
    server = ServerTable(framework="deployed", licence="unknown", maintained=True, variant=(table,))
    folder = paths.servers_dir() / endpoint.name
    return Variant(
        server=Server(endpoint.name, folder, server),
        table=table,
        endpoint=endpoint,
        launcher=REMOTE,
    )


def of_image(
    image: str,
    name: str,
    protocol: str,
    request: RequestTable | None,
    port: int,
    *,
    launcher: str,
    path: str,
    ready_path: str,
) -> Variant:
    """The variant that a container image is, as it stands. Raises UsageError."""
    spoken(protocol, request)
    table = VariantTable(
        name=name,
        track="default",
        description=f"The image {image}, as it stands.",
        protocol=protocol,
        request=request,
        devices=("cpu", "gpu"),
        command=("-",),  # the image's own
        path=path or (request.path if request else ""),
        port=port,
        ready_path=ready_path,
    )
    server = ServerTable(framework=IMAGE, licence="unknown", maintained=True, variant=(table,))
    return Variant(
        server=Server(name, paths.servers_dir() / name, server),
        table=table,
        launcher=launcher,
        image=image,
    )
