"""The variants that reveal changes of the host, so that others are compared with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.setup.catalog import Variant
from harness.stored.identity import Canaries


def predictor(known: Mapping[str, Variant]) -> Variant | None:
    """The canary that calls the predictor itself, without a server."""
    return _canary(v for v in known.values() if v.table.inside)


def null(known: Mapping[str, Variant]) -> Variant | None:
    """The canary that is a server without a predictor."""
    return _canary(v for v in known.values() if v.table.reference and not v.table.inside)


def _canary(found: Iterable[Variant]) -> Variant | None:
    """The first that is not for tests, and is of this revision."""
    return next((v for v in found if v.checkout is None and not v.name.startswith("_")), None)


def of(variants: Iterable[Variant]) -> Canaries:
    """The measured variants that reveal changes of the host."""
    known = {variant.name: variant for variant in variants}
    alone, server = predictor(known), null(known)
    return Canaries(alone.subject if alone else None, server.subject if server else None)
