"""Users of the native driver think between their requests."""

from __future__ import annotations

import asyncio

from harness.measure.load.generator.thinking import Thinking
from harness.measure.load.generator.timer import clock

FAR_NS = 1 << 62


def pauses(seed: int, count: int = 200) -> list[float]:
    """So many think times of one user, in ms."""

    async def thought() -> list[float]:
        woken: asyncio.Queue[int] = asyncio.Queue()
        thinking = Thinking[int](1_000_000, seed, lambda _: woken.put_nowait(clock()))
        found = []
        for number in range(count):
            began = clock()
            thinking.begin(number, FAR_NS)
            found.append((await woken.get() - began) / 1e6)
        thinking.close()
        return found

    return asyncio.run(thought())


def test_think_times_are_exponential_around_their_mean() -> None:
    found = pauses(1)
    assert 0.8 < sum(found) / len(found) < 2.0
    assert min(found) < 0.3
    assert max(found) > 2.0


def test_a_window_that_ends_wakes_everybody() -> None:
    async def ended() -> list[int]:
        woken: list[int] = []
        thinking = Thinking[int](10**12, 1, woken.append)
        for number in range(3):
            thinking.begin(number, FAR_NS)
        thinking.begin(3, clock())
        await asyncio.sleep(0.05)
        late = list(woken)
        thinking.end()
        thinking.close()
        assert late == [3]
        return woken

    assert asyncio.run(ended()) == [3, 0, 1, 2]
