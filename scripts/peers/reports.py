"""What each tool reports of a window, read from what it prints or writes."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from harness.errors import HarnessError
from peers.truth import Figures

_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3, "h": 3600e3}


@dataclass(frozen=True, slots=True)
class Report:
    """A tool's own word. Figures are None where nothing was answered."""

    figures: Figures | None
    rate_per_s: float
    requests: int  # that ended one way or another
    errors: int


class NotUnderstood(HarnessError):
    """A tool's output is not what its version is known to say."""


def of_wrk(text: str) -> Report:
    """From `wrk --latency`. It counts answered requests, and failed ones apart."""
    tail = {name: _wrk_ms(text, rf"^\s+{name}%\s+(\S+)") for name in ("50", "90", "99")}
    most = _wrk_ms(text, r"^\s+Latency\s+\S+\s+\S+\s+(\S+)")
    answered = int(_found(text, r"^\s+(\d+) requests in"))
    sockets = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    errors = sum(map(int, sockets.groups())) if sockets else 0
    status = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    refused = int(status.group(1)) if status else 0
    figures = Figures(tail["50"], tail["90"], tail["99"], most) if answered else None
    rate = float(_found(text, r"^Requests/sec:\s+(\S+)"))
    return Report(figures, rate, answered + errors, errors + refused)


def of_hey(text: str) -> Report:
    """From hey's summary."""
    statuses = re.findall(r"^  \[(\d+)\]\s+(\d+) responses", text, re.MULTILINE)
    _, _, after = text.partition("Error distribution:")
    failed = sum(map(int, re.findall(r"^  \[(\d+)\]\s", after, re.MULTILINE)))
    answered = sum(int(count) for _, count in statuses)
    refused = sum(int(count) for status, count in statuses if not status.startswith("2"))
    figures = None
    if answered:
        places = ("50% in", "90% in", "99% in", "Slowest:")
        figures = Figures(*(_hey_ms(text, rf"^\s+{place}\s+(\S+) secs") for place in places))
    rate = float(_found(text, r"^\s+Requests/sec:\s+(\S+)"))
    return Report(figures, rate, answered + failed, failed + refused)


def of_locust(text: str) -> Report:
    """From the file of statistics that `locust --csv` writes. Failed requests are in its times."""
    rows = [row for row in csv.DictReader(text.splitlines()) if row.get("Name") == "Aggregated"]
    try:
        row = rows[0]
        requests = int(row["Request Count"])
        names = ("50%", "90%", "99%", "Max Response Time")
        figures = Figures(*(float(row[name]) for name in names)) if requests else None
        return Report(figures, float(row["Requests/s"]), requests, int(row["Failure Count"]))
    except (IndexError, KeyError, ValueError) as error:
        raise NotUnderstood(f"Locust's statistics are not understood: {text[:200]!r}.") from error


def of_loadgen(summary: str, failed: int) -> Report:
    """From LoadGen's summary. It knows no failures; `failed` is what its callback saw of them.

    They are in its times: it was told of each as complete when the connection ended.
    """
    names = ("50.00 percentile", "90.00 percentile", "99.00 percentile", "Max")
    figures = Figures(
        *(int(_found(summary, rf"^{name} latency \(ns\)\s*: (\d+)")) / 1e6 for name in names)
    )
    rate = float(_found(summary, r"^Completed samples per second\s*: (\S+)"))
    requests = int(_found(summary, r"^max_query_count : (\d+)"))
    return Report(figures, rate, requests, failed)


def scheduled_rate(summary: str) -> float:
    """The mean rate of LoadGen's schedule, per second."""
    return float(_found(summary, r"^Scheduled samples per second\s*: (\S+)"))


def _found(text: str, pattern: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise NotUnderstood(f"There is no {pattern!r} in what it said: {text[:200]!r}.")
    return match.group(1)


def _wrk_ms(text: str, pattern: str) -> float:
    told = _found(text, pattern)
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", told).groups()  # type: ignore[union-attr]
    return float(number) * _MS[unit]


def _hey_ms(text: str, pattern: str) -> float:
    return float(_found(text, pattern)) * 1e3
