"""Which instance a request goes to, whatever happens in whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.launch.functions.orders import ScaleLimits
from harness.measure.launch.functions.scheduler import (
    Action,
    Dispatch,
    EndInstance,
    Lose,
    Scheduler,
    StartInstance,
    Throttle,
)

S = 1_000_000_000


def limits(most: int = 2, beyond: str = "queue", idle_s: float = 10.0) -> ScaleLimits:
    return ScaleLimits(most_instances=most, beyond=beyond, idle_s=idle_s)


@dataclass
class World:
    """The instances and requests that a scheduler's actions make."""

    scheduler: Scheduler
    now: int = 0
    arrived: int = 0
    starting: set[int] = field(default_factory=set)
    active: dict[int, list[int]] = field(default_factory=dict)
    given: list[int] = field(default_factory=list)  # requests, as they were dispatched
    cold: set[int] = field(default_factory=set)
    fates: dict[int, str] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)

    def apply(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case StartInstance(instance):
                    assert instance not in self.active
                    assert len(self.active) < self.scheduler.limits.most_instances
                    self.starting.add(instance)
                    self.active[instance] = []
                case Dispatch(request, instance, cold):
                    assert instance not in self.starting
                    assert request not in self.fates
                    self.active[instance].append(request)
                    assert len(self.active[instance]) <= self.scheduler.concurrency
                    self.given.append(request)
                    if cold:
                        self.cold.add(request)
                case Throttle(request):
                    self.fates[request] = "throttled"
                case Lose(request):
                    self.fates[request] = "lost"
                case EndInstance(instance):
                    assert self.active.pop(instance) == []
                    self.ended.append(instance)
        assert set(self.scheduler.running) == set(self.active)

    def arrive(self, count: int = 1) -> None:
        for _ in range(count):
            self.arrived += 1
            self.apply(self.scheduler.arrive(self.arrived))

    def ready(self, instance: int) -> None:
        self.starting.remove(instance)
        self.apply(self.scheduler.ready(instance, self.now))

    def done(self, instance: int, request: int | None = None) -> None:
        request = self.active[instance][0] if request is None else request
        self.active[instance].remove(request)
        self.fates[request] = "answered"
        self.apply(self.scheduler.done(instance, self.now))

    def die(self, instance: int, *, undelivered: bool = False) -> None:
        self.starting.discard(instance)
        found = self.active.pop(instance)
        if not undelivered:
            self.fates |= dict.fromkeys(found, "broken")
            found = []
        self.apply(self.scheduler.died(instance, found))

    def settle(self) -> None:
        """All instances come up, and all answer."""
        while self.starting or any(self.active.values()):
            for instance in sorted(self.starting):
                self.ready(instance)
            for instance, requests in tuple(self.active.items()):
                if requests and instance in self.active:
                    self.done(instance)


def test_a_burst_beyond_the_limit_is_throttled() -> None:
    world = World(Scheduler(limits=limits(10, "throttle")))
    world.arrive(20)
    world.settle()
    assert sorted(world.fates.values()) == ["answered"] * 10 + ["throttled"] * 10
    assert world.cold == set(range(1, 11))


def test_or_it_is_queued() -> None:
    world = World(Scheduler(limits=limits(10)))
    world.arrive(20)
    assert len(world.scheduler.waiting) == 10
    world.settle()
    assert list(world.fates.values()) == ["answered"] * 20
    assert world.given[10:] == list(range(11, 21))
    assert len(world.active) == 10
    assert world.cold == set(range(1, 11))


def test_a_request_waits_for_the_instance_that_was_started_for_it() -> None:
    world = World(Scheduler(limits=limits(2)))
    world.arrive(2)
    world.ready(2)
    assert world.active == {1: [], 2: [2]}
    world.done(2)
    assert world.active == {1: [], 2: []}
    world.ready(1)
    assert world.active == {1: [1], 2: []}


def test_the_one_that_was_busy_last_is_asked_first() -> None:
    world = World(Scheduler(limits=limits(2)))
    world.arrive(2)
    world.ready(1)
    world.ready(2)
    world.now = S
    world.done(1)
    world.now = 2 * S
    world.done(2)
    world.arrive()
    assert world.active == {1: [], 2: [3]}


def test_an_instance_that_is_idle_for_too_long_is_ended() -> None:
    world = World(Scheduler(limits=limits(2, idle_s=5.0)))
    assert world.scheduler.next_expiry() is None
    world.arrive(2)
    world.settle()
    world.now = 2 * S
    world.arrive()
    world.done(2 if world.active[2] else 1)
    assert world.scheduler.next_expiry() == 5 * S
    world.apply(world.scheduler.expire(5 * S))
    assert len(world.ended) == 1
    assert world.scheduler.next_expiry() == 7 * S
    world.apply(world.scheduler.expire(7 * S))
    assert world.active == {}


def test_a_request_whose_instance_does_not_come_up_is_lost_and_others_are_served() -> None:
    world = World(Scheduler(limits=limits(1)))
    world.arrive(2)
    world.die(1)
    assert world.fates == {1: "lost"}
    world.settle()
    assert world.fates == {1: "lost", 2: "answered"}


def test_a_request_that_an_instance_never_saw_goes_to_another_before_all_others() -> None:
    world = World(Scheduler(limits=limits(1)))
    world.arrive(3)
    world.ready(1)
    world.die(1, undelivered=True)
    world.settle()
    assert world.given == [1, 1, 2, 3]


def test_a_request_whose_client_is_gone_is_never_given_to_an_instance() -> None:
    world = World(Scheduler(limits=limits(1)))
    world.arrive(3)
    assert world.scheduler.withdraw(1)
    assert world.scheduler.withdraw(3)
    world.ready(1)
    assert not world.scheduler.withdraw(2)
    world.settle()
    assert world.given == [2]


def test_fewer_instances_from_now_on_end_those_that_are_idle() -> None:
    world = World(Scheduler(limits=limits(3)))
    world.arrive(3)
    for instance in (1, 2, 3):
        world.ready(instance)
    world.done(1)
    world.apply(world.scheduler.scale(limits(1)))
    assert world.ended == [1]
    world.done(2)
    assert world.ended == [1, 2]
    world.done(3)
    assert list(world.active) == [3]


def test_more_instances_from_now_on_take_what_waits() -> None:
    world = World(Scheduler(limits=limits(1)))
    world.arrive(3)
    world.apply(world.scheduler.scale(limits(3)))
    assert len(world.starting) == 3


def test_all_that_are_idle_can_be_ended() -> None:
    world = World(Scheduler(limits=limits(2)))
    world.arrive(2)
    world.settle()
    world.arrive()
    world.apply(world.scheduler.retire())
    assert len(world.ended) == 1


def test_instances_of_many_requests_are_started_as_those_that_start_are_full() -> None:
    world = World(Scheduler(limits=limits(3, "throttle"), concurrency=2, binds=False))
    world.arrive(4)
    assert world.starting == {1, 2}
    world.ready(2)
    assert world.active == {1: [], 2: [1, 2]}
    world.arrive(4)
    assert world.starting == {1, 3}
    assert world.fates == dict.fromkeys((7, 8), "throttled")
    world.settle()
    assert len(world.fates) == 8


def test_a_queue_without_an_instance_that_comes_up_is_lost_one_by_one() -> None:
    world = World(Scheduler(limits=limits(1), concurrency=8, binds=False))
    world.arrive(3)
    for instance in (1, 2, 3):
        world.die(instance)
    assert list(world.fates.values()) == ["lost"] * 3
    assert world.active == {}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["arrive", "arrive", "ready", "done", "done", "die", "undelivered"])
        | st.sampled_from(["withdraw", "expire", "scale", "retire"]),
        st.integers(0, 99),
    ),
    max_size=80,
)


def _step(world: World, kind: str, choice: int) -> None:
    """What happens, as far as it can."""
    world.now += choice * S // 10
    busy = [n for n, requests in world.active.items() if requests]
    if kind == "arrive":
        world.arrive()
    elif kind == "ready" and world.starting:
        world.ready(sorted(world.starting)[choice % len(world.starting)])
    elif kind == "done" and busy:
        world.done(busy[choice % len(busy)])
    elif kind in ("die", "undelivered") and world.active:
        chosen = list(world.active)[choice % len(world.active)]
        world.die(chosen, undelivered=kind == "undelivered")
    elif kind == "withdraw" and world.arrived:
        request = 1 + choice % world.arrived
        if world.scheduler.withdraw(request):
            world.fates[request] = "withdrawn"
    elif kind == "expire":
        world.apply(world.scheduler.expire(world.now))
    elif kind == "scale":
        beyond = "throttle" if choice % 2 else "queue"
        world.apply(world.scheduler.scale(limits(1 + choice % 4, beyond, idle_s=2.0)))
    elif kind == "retire":
        world.apply(world.scheduler.retire())


@pytest.mark.parametrize(("binds", "concurrency"), [(True, 1), (False, 1), (False, 3)])
@given(steps=STEPS)
def test_whatever_happens_every_request_has_a_fate(
    binds: bool, concurrency: int, steps: list[tuple[str, int]]
) -> None:
    """And none waits while an instance is free; the world checks the limits."""
    world = World(Scheduler(limits=limits(), concurrency=concurrency, binds=binds))
    for kind, choice in steps:
        _step(world, kind, choice)
        free = [
            n
            for n, requests in world.active.items()
            if n not in world.starting and len(requests) < concurrency
        ]
        assert not (free and world.scheduler.waiting)
    world.settle()
    assert set(world.fates) == set(range(1, world.arrived + 1))
    assert world.scheduler.waiting == ()


@given(steps=STEPS)
def test_what_waits_is_served_first_come_first_served(steps: list[tuple[str, int]]) -> None:
    world = World(Scheduler(limits=limits()))
    waiting: list[int] = []
    for kind, choice in steps:
        if kind == "undelivered":
            continue  # they go first, as they were there before
        _step(world, kind, choice)
        now = list(world.scheduler.waiting)
        assert now == sorted(now)
        taken = [request for request in waiting if request not in now]
        kept = [request for request in waiting if request in now]
        withdrawn = [request for request in taken if world.fates.get(request) == "withdrawn"]
        assert not kept or all(t < kept[0] for t in taken if t not in withdrawn)
        waiting = now
