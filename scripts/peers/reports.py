"""What each tool reports of a window, read from what it prints or writes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.base.errors import HarnessError
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
    """From Locust's summary. Failed requests are in its times.

    Not from the files that it writes: those lack what came after it wrote them last.
    """
    number = r"\s+([\d.]+)"
    counts = _row(
        text, rf"{number}{number}\([\d.]+%\) \|{number}{number}{number}{number} \|{number}"
    )
    requests, failed, rate, most = int(counts[0]), int(counts[1]), counts[6], counts[4]
    if not requests:
        return Report(None, rate, 0, failed)
    tail = _row(text, number * 12)  # 50, 66, 75, 80, 90, 95, 98, 99 and so on, and the count
    return Report(Figures(tail[0], tail[4], tail[7], most), rate, requests, failed)


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


def _row(text: str, pattern: str) -> list[float]:
    """The numbers of Locust's row for all requests."""
    match = re.search(rf"^\s+Aggregated{pattern}", text, re.MULTILINE)
    if match is None:
        raise NotUnderstood(f"There is no such row of all requests in Locust's summary: {pattern}.")
    return [float(told) for told in match.groups()]


def _wrk_ms(text: str, pattern: str) -> float:
    told = _found(text, pattern)
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", told).groups()  # type: ignore[union-attr]
    return float(number) * _MS[unit]


def _hey_ms(text: str, pattern: str) -> float:
    return float(_found(text, pattern)) * 1e3
