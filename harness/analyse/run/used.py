"""The CPU time that a server used in a window, from samples that may not cover it exactly."""

from __future__ import annotations

from harness.stored.records import RunFacts, Window
from harness.windows.samples import MISSING

_LEAST_SHARE = 0.5  # of the window that samples of a kubelet must cover


def cpu_s(facts: RunFacts, window: Window) -> float | None:
    """Seconds of CPU time in the window; None where they are not known.

    A kubelet counts when it pleases: its rate between the first and the last count stands for the
    window then, unless they lie too close together.
    """
    seen = window.usage.cpu_ns != MISSING
    cpu_ns, at_ns = window.usage.cpu_ns[seen], window.usage.at_ns[seen]
    if len(cpu_ns) < 2:
        return None
    used_s = float(cpu_ns[-1] - cpu_ns[0]) / 1e9
    pod = facts.container.pod if facts.container is not None else None
    if pod is None or pod.usage_from != "kubelet":
        return used_s
    covered_s = float(at_ns[-1] - at_ns[0]) / 1e9
    elapsed_s = window.facts.elapsed_s
    return used_s / covered_s * elapsed_s if covered_s >= _LEAST_SHARE * elapsed_s else None
