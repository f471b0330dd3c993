"""How requests repeat: which payload each of them sends. Pure functions.

Payloads count from 0, and payloads that no server has seen follow after them. What is popular on
the web follows Zipf's law (Breslau et al., Web caching and Zipf-like distributions, INFOCOM 1999:
exponents between 0.64 and 0.83 for requests that caches see).
"""

from __future__ import annotations

import numpy as np

from harness.windows.profiles import ZIPF, Profile, payload_order
from harness.windows.samples import Ints

_SALT = 7  # beside the seeds of arrivals and of permutations


def order(profile: Profile, payloads: int, count: int, seed: int, fresh: Ints) -> Ints:
    """The payload of each of `count` requests. `fresh` has the unseen payloads, in the order in
    which they are taken; if there are too few, they are taken again from the start."""
    known = payload_order(payloads, count, seed)
    rng = np.random.default_rng(seed + _SALT)
    if profile.popularity == ZIPF:
        known = _popular(rng, profile.exponent or 1.0, payloads, count)
    if not profile.unseen_share or not len(fresh):
        return known
    is_unseen = rng.random(count) < profile.unseen_share
    taken = np.cumsum(is_unseen) - 1
    return np.where(is_unseen, fresh[taken % len(fresh)], known).astype(np.int64)


def unseen(profile: Profile, requests: float) -> int:
    """How many unseen payloads so many requests need, with three standard deviations more."""
    share = profile.unseen_share
    mean = requests * share
    return int(np.ceil(mean + 3 * np.sqrt(mean))) if share else 0


def _popular(rng: np.random.Generator, exponent: float, payloads: int, count: int) -> Ints:
    """Payloads by popularity; which of them is popular is drawn, too."""
    weights = np.arange(1, payloads + 1, dtype=np.float64) ** -exponent
    ranked = rng.permutation(payloads)
    return ranked[rng.choice(payloads, count, p=weights / weights.sum())].astype(np.int64)
