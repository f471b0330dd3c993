"""Which instance a request goes to, and when instances are started and ended: a pure function of
what has happened so far. Moments are nanoseconds of any clock.

As Lambda does it (`binds`): a request that finds no free instance has one started for itself, and
waits for that one; an instance takes the next request that waits as soon as it is free, and the one
that was busy last is asked first, so that the others can end. As Cloud Run does it: requests wait
in one queue, instances are started as those that there are can't take all of them, and the least
busy one is asked first. What waits is served first come, first served.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.measure.launch.functions.orders import THROTTLED, ScaleLimits


@dataclass(frozen=True, slots=True)
class StartInstance:
    """Start an instance."""

    instance: int


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Give a request to an instance."""

    request: int
    instance: int
    cold: bool  # it waited for the start of that instance


@dataclass(frozen=True, slots=True)
class Throttle:
    """Refuse a request."""

    request: int


@dataclass(frozen=True, slots=True)
class Lose:
    """Answer a request with an error: its instance did not come up."""

    request: int


@dataclass(frozen=True, slots=True)
class EndInstance:
    """End an instance, which has no request."""

    instance: int


Action = StartInstance | Dispatch | Throttle | Lose | EndInstance


@dataclass(slots=True, kw_only=True)
class _Instance:
    ready: bool = False
    active: int = 0
    handled: int = 0
    bound: int | None = None  # the request that it was started for
    free_ns: int = 0  # since when it has no request


@dataclass(slots=True, kw_only=True)
class Scheduler:
    """The state of one function."""

    limits: ScaleLimits
    concurrency: int = 1  # requests at a time of an instance
    binds: bool = True
    _instances: dict[int, _Instance] = field(default_factory=dict)
    _waiting: dict[int, None] = field(default_factory=dict)  # in the order of their arrival
    _last: int = 0

    @property
    def running(self) -> tuple[int, ...]:
        """The instances that count against the limit: that start, wait for work or do it."""
        return tuple(self._instances)

    @property
    def waiting(self) -> tuple[int, ...]:
        """Requests that no instance was started for, the oldest first."""
        return tuple(self._waiting)

    def state(self, instance: int) -> tuple[str, int]:
        """("starting", "idle" or "busy"; how many requests it has answered)."""
        found = self._instances[instance]
        if not found.ready:
            return "starting", found.handled
        return "busy" if found.active else "idle", found.handled

    def arrive(self, request: int) -> list[Action]:
        """A request has come."""
        free = self._free()
        if free is not None:
            return [self._dispatch(request, free, cold=False)]
        if self._has_room and not (self._is_expected and not self.binds):
            return [self._start(request)]
        if self.limits.beyond == THROTTLED and (self.binds or not self._is_expected):
            return [Throttle(request)]
        self._waiting[request] = None
        return []

    def ready(self, instance: int, now: int) -> list[Action]:
        """An instance asks for work the first time."""
        found = self._instances[instance]
        found.ready, found.free_ns = True, now
        actions: list[Action] = []
        if found.bound is not None:
            actions.append(self._dispatch(found.bound, instance, cold=True))
            found.bound = None
        return actions + self._fill(instance, cold=not self.binds) + self._shrink(instance)

    def done(self, instance: int, now: int) -> list[Action]:
        """An instance has answered one of its requests."""
        found = self._instances[instance]
        found.active -= 1
        found.handled += 1
        found.free_ns = now
        return self._fill(instance, cold=False) + self._shrink(instance)

    def died(self, instance: int, undelivered: Iterable[int] = ()) -> list[Action]:
        """An instance is gone; those of its requests that it never saw go to others."""
        found = self._instances.pop(instance, None)
        if found is None:
            return []
        actions: list[Action] = []
        if found.bound is not None:
            actions.append(Lose(found.bound))
        elif not found.ready and not self.binds and self._waiting:
            actions.append(Lose(self._next()))  # else it would wait for ever, if none comes up
        self._waiting = {**dict.fromkeys(undelivered), **self._waiting}
        return actions + self._replace()

    def withdraw(self, request: int) -> bool:
        """A client has gone; whether its request was not yet given to an instance."""
        for found in self._instances.values():
            if found.bound == request:
                found.bound = None
                return True
        if request not in self._waiting:
            return False
        del self._waiting[request]
        return True

    def expire(self, now: int) -> list[Action]:
        """End the instances that have been idle for too long."""
        limit = self._idle_ns
        return self._end(n for n in self._idle() if now - self._instances[n].free_ns >= limit)

    def next_expiry(self) -> int | None:
        """When the next one will have been idle for too long, if nothing comes."""
        since = [self._instances[number].free_ns for number in self._idle()]
        return min(since) + self._idle_ns if since else None

    def scale(self, limits: ScaleLimits) -> list[Action]:
        """Other limits from now on; what is busy is not ended."""
        self.limits = limits
        surplus = max(0, len(self._instances) - limits.most_instances)
        return self._end(self._idle()[:surplus]) + self._replace()

    def retire(self) -> list[Action]:
        """End all that are idle."""
        return self._end(self._idle())

    @property
    def _idle_ns(self) -> int:
        return int(self.limits.idle_s * 1e9)

    @property
    def _has_room(self) -> bool:
        return len(self._instances) < self.limits.most_instances

    @property
    def _is_expected(self) -> bool:
        """Whether the instances that start will have room for one more than those that wait."""
        starting = sum(not found.ready for found in self._instances.values())
        return starting * self.concurrency > len(self._waiting)

    def _idle(self) -> list[int]:
        """The one that has waited longest first."""
        idle = [n for n, found in self._instances.items() if found.ready and not found.active]
        return sorted(idle, key=lambda number: self._instances[number].free_ns)

    def _free(self) -> int | None:
        best: tuple[int, int] | None = None
        chosen = None
        for number, found in self._instances.items():
            if found.ready and found.active < self.concurrency:
                rank = (-found.active, found.free_ns)
                if best is None or rank > best:
                    best, chosen = rank, number
        return chosen

    def _dispatch(self, request: int, instance: int, *, cold: bool) -> Dispatch:
        self._instances[instance].active += 1
        return Dispatch(request, instance, cold)

    def _start(self, request: int) -> StartInstance:
        self._last += 1
        made = self._instances[self._last] = _Instance()
        if self.binds:
            made.bound = request
        else:
            self._waiting[request] = None
        return StartInstance(self._last)

    def _next(self) -> int:
        request = next(iter(self._waiting))
        del self._waiting[request]
        return request

    def _fill(self, instance: int, *, cold: bool) -> list[Action]:
        """Give an instance what waits, as far as it has room."""
        found = self._instances[instance]
        actions: list[Action] = []
        while self._waiting and found.active < self.concurrency:
            actions.append(self._dispatch(self._next(), instance, cold=cold))
        return actions

    def _shrink(self, instance: int) -> list[Action]:
        """End an instance that is idle and one too many."""
        surplus = len(self._instances) > self.limits.most_instances
        return self._end([instance] if surplus and not self._instances[instance].active else [])

    def _replace(self) -> list[Action]:
        """Start instances for what waits."""
        actions: list[Action] = []
        while self._waiting and self._has_room:
            starting = sum(not found.ready for found in self._instances.values())
            if not self.binds and starting * self.concurrency >= len(self._waiting):
                break
            if self.binds:
                actions.append(self._start(self._next()))
            else:
                self._last += 1
                self._instances[self._last] = _Instance()
                actions.append(StartInstance(self._last))
        return actions

    def _end(self, chosen: Iterable[int]) -> list[Action]:
        ended = list(chosen)
        for number in ended:
            del self._instances[number]
        return [EndInstance(number) for number in ended]
