"""The audit: does a server predict each time that it is asked, or does it know the answers?

After the windows of a run it is asked payloads that it has never seen, each of them twice, and
payloads that it has seen; one at a time, in blocks: some unseen ones, the same again, as many that
it knows. Who predicts takes as long each time. MLPerf's TEST04 has the idea, and the limit of 10%;
here a payload is compared with itself, so that what a payload costs does not matter.

Unseen payloads are made from the benchmark's own, two by two. Pure functions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.windows.samples import Ints, Requests

NAME = "audit"  # of its window
PER_ROUND = 64  # unseen payloads that a run is asked
BLOCK = 2  # so few requests apart, a payload meets the same host when it is asked again
_PARTS = 3  # of a block: unseen, the same again, known
_SEED = 4

Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Times:
    """The faster service time of each block, in ns; NaN where no right answer came.

    A window that ended early has fewer of the later ones.
    """

    first: Any  # of payloads that it had not seen
    again: Any  # of the same, when it had
    known: Any  # of others, about as large, that it had been asked before


def derived(payloads: Sequence[Any]) -> Iterator[Any]:
    """Payloads that are none of these, nor twice the same: each is made from two of them.

    Of texts the first half of one and the second half of the other; of numbers the mean; lists and
    objects part by part.
    """
    known = {_text(payload) for payload in payloads}
    order: list[int] = np.random.default_rng(_SEED).permutation(len(payloads)).tolist()
    for shift in range(1, len(order)):
        for place, one in enumerate(order):
            made = _crossed(payloads[one], payloads[order[(place + shift) % len(order)]])
            if (text := _text(made)) not in known:
                known.add(text)
                yield made


def schedule(payloads: Sequence[Any], unseen: Sequence[Any], round_number: int) -> Ints:
    """The payload of each request of the audit; unseen ones count on after the others.

    Each round has others, where there are enough: an endpoint that was already up remembers.
    """
    count = min(len(unseen), PER_ROUND)
    before = (round_number - 1) * PER_ROUND
    mine = [(before + place) % len(unseen) for place in range(count)]
    sizes = np.array([len(_text(payload)) for payload in payloads])
    alike = [int(np.abs(sizes - len(_text(unseen[place]))).argmin()) for place in mine]
    order: list[int] = []
    for begin in range(0, count - count % BLOCK, BLOCK):
        block = [len(payloads) + place for place in mine[begin : begin + BLOCK]]
        order += [*block, *block, *alike[begin : begin + BLOCK]]
    return np.array(order, np.int64)


def times(requests: Requests) -> Times:
    """The response times of an audit's requests.

    Of the blocks, not of the requests: what slows the host for a moment slows neighbours.
    """
    taken = np.where(requests.ok, requests.done_ns - requests.sent_ns, math.nan)
    parts = taken[: len(taken) // BLOCK * BLOCK].reshape(-1, BLOCK).min(axis=1)
    return Times(*(parts[number::_PARTS] for number in range(_PARTS)))


def unseen(requests: Requests) -> Rows:
    """The requests of an audit that sent a payload unknown to the benchmark."""
    rows: Rows = _part(requests) < _PARTS - 1
    return rows


def _part(requests: Requests) -> Ints:
    part: Ints = np.arange(len(requests)) // BLOCK % _PARTS
    return part


def _crossed(one: Any, other: Any) -> Any:
    """A value made from two; the first itself where they are not alike."""
    if isinstance(one, str) and isinstance(other, str):
        words, more = one.split(), other.split()
        return " ".join(words[: -(-len(words) // 2)] + more[len(more) // 2 :])
    if isinstance(one, bool) or isinstance(other, bool):
        return one
    if isinstance(one, int) and isinstance(other, int):
        return (one + other) // 2
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one / 2 + other / 2
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [_crossed(a, b) for a, b in zip(one, other, strict=True)]
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return {key: _crossed(value, other[key]) for key, value in one.items()}
    return one


def _text(payload: Any) -> str:
    return json.dumps(payload, sort_keys=True)
