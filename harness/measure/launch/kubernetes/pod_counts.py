"""Figures of containers and of their pods, put together."""

from __future__ import annotations

Counts = dict[tuple[str, str], float]  # by pod and container; the name of none: of the whole pod


def most_of_a_pod(peaks: Counts) -> int:
    """The most that one pod held: the sum over its containers, else its own."""
    sums = _of_containers(peaks)
    return int(max(({pod: peak for (pod, _), peak in peaks.items()} | sums).values(), default=0))


def throttled(counts: Counts) -> float:
    """How long pods were kept from their CPUs: a pod has a quota, and so has each container, and
    either may bite first. The larger count, as both may do so at a time."""
    sums = _of_containers(counts)
    own = {pod: count for (pod, name), count in counts.items() if not name}
    return sum(max(sums.get(pod, 0), own.get(pod, 0)) for pod in sums.keys() | own.keys())


def _of_containers(counts: Counts) -> dict[str, float]:
    sums: dict[str, float] = {}
    for (pod, name), count in counts.items():
        if name:
            sums[pod] = sums.get(pod, 0) + count
    return sums
