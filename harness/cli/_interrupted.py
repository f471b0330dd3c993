"""What is printed where a signal comes before anything was measured.

It imports nothing: to import the rest may be what the signal cut short.
"""

from __future__ import annotations

from typing import Any

CUT_SHORT = "Interrupted. What was measured until then is above."
TOO_SOON = "Interrupted before the load began: nothing was measured."
NO_PROBE = "interrupted before the first probe was over"
TOO_SOON_FOR_A_PROBE = "Interrupted before the first probe was over: nothing is known."


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
    """Of a search, the entry of `results` in `capacity --json`, all but its URL."""
    return {
        "capacity": None,
        "interval": [None, None],
        "met": False,
        "ended": NO_PROBE,
        "basis": "probes",
        "confirmed": False,
        "probes": [],
    }
