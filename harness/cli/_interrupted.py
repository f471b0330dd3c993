"""The output after a signal that comes before anything was measured.

It imports next to nothing: to import the rest may be what the signal cut short.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from harness.base.secrecy import shown

CUT_SHORT = "Interrupted. The results so far are above."
TOO_SOON = "Interrupted before the load began. Nothing was measured."
NO_PROBE = "interrupted before the first probe ended"
TOO_SOON_FOR_A_PROBE = "Interrupted before the first probe ended. Nothing was measured."


def load() -> dict[str, Any]:
    """The content of `load --json`, with the keys that it always has."""
    unknown = ("profile", "planned_rate", "achieved_rate", "response_ms", "service_ms", "lag_us")
    return {
        **dict.fromkeys(unknown),
        **dict.fromkeys(("requests", "ok", "resent", "unanswered"), 0),
        **{name: [] for name in ("addresses", "causes", "workers", "findings")},
        "errors": {},
        "failed_share": 0.0,
        "beyond": {},
        "generator_cpu": None,
        "interrupted": True,
    }


def search() -> dict[str, Any]:
    """The entry of `results` in `capacity --json` for a search, all but its URL."""
    return {
        "capacity": None,
        "interval": [None, None],
        "met": False,
        "ended": NO_PROBE,
        "basis": "probes",
        "confirmed": False,
        "probes": [],
    }


def searched(url: str, slo: str | None, *, insecure: bool) -> str:
    """The same, whole."""
    result = {"url": shown(url), "addresses": []} | search()
    found = {"slo": slo, "results": [result], "interrupted": True}
    return json.dumps(found | ({"insecure": True} if insecure else {}), indent=1)


def loaded(*, insecure: bool) -> str:
    """The same of `load`."""
    return json.dumps(load() | {"insecure": insecure}, indent=1)


def pipeline() -> dict[str, Any]:
    """The content of `pipeline --json`, with the keys that it always has."""
    unknown = ("benchmark", "server", "route", "rate", "seconds", "every_s")
    front = dict.fromkeys(("program", "direct_ms", "through_ms", "added_ms"))
    return {
        **dict.fromkeys(unknown),
        "front": front,
        **dict.fromkeys(("requests", "ok", "lost"), 0),
        "errors": {},
        **dict.fromkeys(("resent", "replaced", "failed"), 0),
        "runs": [],
        "findings": [],
        "problem": None,
        "unanswered": 0,
        "interrupted": True,
    }


def of_arguments(arguments: Sequence[str]) -> str:
    """The same where the signal came before the command itself had begun; empty where its standard
    output is for people, or it measures neither a URL nor a pipeline."""
    name, *rest = (*arguments, "")
    if "--json" not in rest:
        return ""
    insecure = "--insecure" in rest
    if name == "load":
        return loaded(insecure=insecure)
    if name == "pipeline":
        return json.dumps(pipeline(), indent=1)
    urls = [word for word in rest if word.startswith(("http://", "https://"))]
    if name != "capacity" or not urls:
        return ""
    slo = next((word for before, word in pairwise(rest) if before == "--slo"), None)
    return searched(urls[0], slo, insecure=insecure)
