"""How large pods may be."""

from __future__ import annotations

import pytest

from harness.base.errors import UsageError
from harness.measure.campaign import pod_sizes
from harness.measure.campaign.pod_sizes import PodSize, WantedSize
from harness.measure.launch.kubernetes import NodeRoom

USUAL = WantedSize(most=PodSize(1000, 4096))


def room(cpu_millis: int, memory_mib: int = 100_000, *, is_here: bool = False) -> NodeRoom:
    return NodeRoom(name="n", cpu_millis=cpu_millis, memory_mib=memory_mib, is_here=is_here)


@pytest.mark.parametrize(
    ("found", "pods", "size"),
    [
        ([room(2000, is_here=True)], 1, PodSize(1000, 4096)),
        ([room(2000, is_here=True)], 5, PodSize(200, 4096)),
        ([room(2000, is_here=True)], 3, PodSize(300, 4096)),
        ([room(1930)], 5, PodSize(350, 4096)),
        ([room(2000, 1000, is_here=True)], 3, PodSize(300, 320)),
        ([room(2000), room(700)], 4, PodSize(650, 4096)),
        ([room(2000, is_here=True), room(2000, is_here=True)], 2, PodSize(500, 4096)),
        ([room(8000)], 5, PodSize(1000, 4096)),
    ],
)
def test_the_largest_of_which_all_fit(found: list[NodeRoom], pods: int, size: PodSize) -> None:
    assert pod_sizes.fitting(found, pods, USUAL, 1000) == size
    assert pod_sizes.room_for(found, size, 1000) >= pods


def test_what_is_asked_for_is_taken_if_it_fits() -> None:
    wanted = WantedSize(most=PodSize(1000, 4096), cpu_millis=100, memory_mib=256)
    assert pod_sizes.fitting([room(1000)], 5, wanted, 1000) == PodSize(100, 256)
    one = WantedSize(most=PodSize(1000, 4096), cpu_millis=700)
    assert pod_sizes.fitting([room(2000, 9000)], 2, one, 1000) == PodSize(700, 4096)
    with pytest.raises(UsageError, match=r"5 pods of 0\.7 CPUs and 64 MiB .* has room for 2\."):
        pod_sizes.fitting([room(2000)], 5, one, 1000)


def test_a_cluster_without_room() -> None:
    with pytest.raises(UsageError, match=r"5 pods of 0\.05 CPUs .* room for 2\. Lower --pod-cpus"):
        pod_sizes.fitting([room(120)], 5, USUAL, 1000)
    with pytest.raises(UsageError, match="has room for 0"):
        pod_sizes.fitting([], 1, USUAL, 1000)
