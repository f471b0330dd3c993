"""When requests are due: pure functions of time.

An open-loop shape is a cumulative rate L(t), the number of arrivals expected by t. Its inverse maps
evenly spaced counts to regular arrivals, and the arrival counts of a unit-rate Poisson process to a
Poisson process of that rate (the inversion method; Cinlar, Introduction to Stochastic Processes,
1975, section 4.7). A closed loop has no plan: each caller sends when its last answer has come; a
user, when it has also thought for a while.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Popularity = Literal["zipf"]
ZIPF: Popularity = "zipf"
CLOSED = "closed"
USERS = "users"
STEPS = "steps"
# Of the way from the first rate to the highest: each is held for a sixth of the duration.
_LEVELS = np.array([0, 1, 2, 3, 1, 0]) / 3


@dataclass(frozen=True, slots=True)
class Profile:
    """A load with absolute rates. `rate_to_per_s` is where a ramp ends, and where a spike and
    steps peak."""

    name: str
    shape: str
    duration_s: float
    _: KW_ONLY
    rate_per_s: float | None = None
    rate_to_per_s: float | None = None
    concurrency: int | None = None
    think_s: float | None = None  # mean of the exponential think times of users
    popularity: Popularity | None = None  # of payloads; None: each is sent as often as any other
    exponent: float | None = None  # of zipf: the k-th payload is sent k ** -exponent times as often
    unseen_share: float = 0.0  # of the requests: their payloads the server has never seen

    @property
    def is_open(self) -> bool:
        return self.shape not in (CLOSED, USERS)

    @property
    def think_ns(self) -> int | None:
        """The mean think time."""
        return None if self.think_s is None else int(self.think_s * 1e9)

    @property
    def saturates(self) -> bool:
        """Whether a caller sends again at once: users who think leave a server idle."""
        return self.shape == CLOSED


@dataclass(frozen=True, slots=True)
class Level:
    """A stretch of a profile in which its rate stays the same; since the window's start."""

    from_s: float
    to_s: float
    rate_per_s: float


Inverse = Callable[[Profile, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of open-loop profile."""

    inverse: Inverse  # expected counts -> times in seconds
    regular: bool  # evenly spaced arrivals instead of Poisson ones
    far_share: float  # weight of `rate_to_per_s` in the mean rate; 0 where it plays no part


SHAPES: dict[str, Shape] = {}


def shape(
    name: str, *, regular: bool = False, far_share: float = 0.0
) -> Callable[[Inverse], Inverse]:
    """Register the inverse cumulative rate of an open-loop shape."""

    def register(inverse: Inverse) -> Inverse:
        SHAPES[name] = Shape(inverse, regular, far_share)
        return inverse

    return register


def shape_names() -> list[str]:
    """Every shape that a profile can have."""
    return [*SHAPES, CLOSED, USERS]


def needs(shape_name: str) -> tuple[str, ...]:
    """The fields of Profile that a shape cannot do without."""
    if shape_name == CLOSED:
        return ("concurrency",)
    if shape_name == USERS:
        return ("concurrency", "think_s")
    return ("rate_per_s", "rate_to_per_s") if SHAPES[shape_name].far_share else ("rate_per_s",)


@shape("constant", regular=True)
def constant(profile: Profile, counts: Floats) -> Floats:
    """Evenly spaced."""
    return counts / _rates(profile)[0]


@shape("poisson")
def poisson(profile: Profile, counts: Floats) -> Floats:
    """Independent arrivals at one rate."""
    return counts / _rates(profile)[0]


@shape("ramp", far_share=0.5)
def ramp(profile: Profile, counts: Floats) -> Floats:
    """The rate goes from `rate_per_s` to `rate_to_per_s` in a straight line.

    L(t) = a t + b t^2 / 2 with b = (end - start) / duration, solved for t; in this form of the root
    nothing cancels, however level the ramp is.
    """
    start, end = _rates(profile)
    slope = (end - start) / profile.duration_s
    discriminant = np.maximum(start**2 + 2 * slope * counts, 0)
    times: Floats = 2 * counts / (start + np.sqrt(discriminant))
    return times


@shape("spike", far_share=0.2)
def spike(profile: Profile, counts: Floats) -> Floats:
    """The rate jumps to `rate_to_per_s` for the middle fifth of the duration."""
    base, peak = _rates(profile)
    edges = profile.duration_s * np.array([0, 0.4, 0.6, 1.0])
    return _piecewise(counts, edges, np.array([base, peak, base]))


@shape(STEPS, far_share=float(_LEVELS.mean()))
def steps(profile: Profile, counts: Floats) -> Floats:
    """The rate goes to `rate_to_per_s` in three steps of one height, and back in two."""
    found = levels(profile)
    edges = np.array([0.0, *(level.to_s for level in found)])
    return _piecewise(counts, edges, np.array([level.rate_per_s for level in found]))


def levels(profile: Profile) -> tuple[Level, ...]:
    """The steps of a profile of that shape."""
    base, peak = _rates(profile)
    each_s = profile.duration_s / len(_LEVELS)
    return tuple(
        Level(number * each_s, (number + 1) * each_s, base + float(part) * (peak - base))
        for number, part in enumerate(_LEVELS)
    )


def expected_count(profile: Profile) -> float:
    """How many arrivals an open-loop profile has on average."""
    base, to = _rates(profile)
    return profile.duration_s * (base + SHAPES[profile.shape].far_share * (to - base))


def due_times(profile: Profile, seed: int) -> NDArray[np.int64]:
    """Planned send times of an open-loop profile, in ns since the window's start, ascending.

    One at least: random arrivals of which the window has none are drawn given that it has one.
    """
    kind = SHAPES[profile.shape]
    total = expected_count(profile)
    if kind.regular:
        counts: Floats = np.arange(max(np.ceil(total - 1e-9), 1), dtype=np.float64)
    else:
        rng = np.random.default_rng(seed)
        # Six standard deviations more than the mean: enough arrivals to fill the window.
        gaps = rng.exponential(size=int(total + 6 * np.sqrt(total) + 10))
        counts = np.cumsum(gaps)
        counts = counts[counts < total]
        if not len(counts):
            counts = rng.uniform(0, total, 1)
    return (kind.inverse(profile, counts) * 1e9).astype(np.int64)


def payload_order(payloads: int, count: int, seed: int) -> NDArray[np.int64]:
    """The payload of each of `count` requests: seeded permutations, one after another."""
    rng = np.random.default_rng(seed + 1)
    rounds = -(-count // payloads)
    orders = [rng.permutation(payloads) for _ in range(max(rounds, 1))]
    return np.concatenate(orders)[:count].astype(np.int64)


def seed_of(benchmark: str, version: int, profile: str, round_number: int) -> int:
    """The seed of a window: the same for every variant, another in every round."""
    return zlib.crc32(f"{benchmark}/{version}/{profile}/{round_number}".encode())


def _piecewise(counts: Floats, edges: Floats, rates: Floats) -> Floats:
    """The inverse of a rate that is constant between the edges."""
    expected = np.concatenate(([0.0], np.cumsum(np.diff(edges) * rates)))
    times: Floats = np.interp(counts, expected, edges)
    return times


def _rates(profile: Profile) -> tuple[float, float]:
    base = profile.rate_per_s or 0.0
    return base, base if profile.rate_to_per_s is None else profile.rate_to_per_s
