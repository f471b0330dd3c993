"""What an audit asks: payloads that nobody has seen, as large and as many as they should be."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.setup import catalog
from harness.windows import audit
from harness.windows.samples import ERRORS, Requests

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(-1e6, 1e6) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)


def text(payload: Any) -> str:
    return json.dumps(payload, sort_keys=True)


@pytest.mark.parametrize("name", catalog.benchmarks())
def test_every_benchmark_has_unseen_payloads_for_many_rounds(name: str) -> None:
    payloads = catalog.benchmarks()[name].payloads()
    wanted = 5 * audit.PER_ROUND
    made = list(islice(audit.derived(payloads), wanted))
    assert len(made) == wanted
    assert len({*map(text, made), *map(text, payloads)}) == wanted + len(set(map(text, payloads)))
    assert made == list(islice(audit.derived(payloads), wanted)), "the same for every variant"
    assert {type(payload) for payload in made} == {type(payload) for payload in payloads}


@pytest.mark.parametrize(
    ("one", "other", "made"),
    [
        ("a good film", "one bad day", "a good bad day"),
        ("short", "too", "short too"),
        ([1.0, 2.5], [2.0, 3.5], [1.5, 3.0]),
        ([1, 2.5], [4, 3], [2, 2.75]),
        ({"a": 2.0, "b": True}, {"a": 4.0, "b": False}, {"a": 3.0, "b": True}),
        ([[1.0], "x y", None], [[3.0], "z w", 2], [[2.0], "x w", None]),
    ],
)
def test_two_payloads_make_one(one: Any, other: Any, made: Any) -> None:
    assert made in list(audit.derived([one, other]))


@pytest.mark.parametrize("payloads", [[], ["alone"], [[1, 2], [1, 2, 3]], [True, False]])
def test_some_payloads_make_none(payloads: list[Any]) -> None:
    assert list(audit.derived(payloads)) == []


@given(st.lists(VALUES, max_size=6))
def test_whatever_they_are_none_is_made_that_was_there(payloads: list[Any]) -> None:
    made = list(map(text, audit.derived(payloads)))
    assert len(set(made)) == len(made)
    assert not set(made) & set(map(text, payloads))


def test_each_unseen_payload_is_asked_twice_and_one_as_large_that_is_known() -> None:
    payloads = ["x" * length for length in range(10, 60)]
    unseen = ["y" * (10 + number % 50) for number in range(200)]
    order = audit.schedule(payloads, unseen, 1)
    assert len(order) == 3 * audit.PER_ROUND
    blocks = order.reshape(-1, 3, audit.BLOCK)
    assert (blocks[:, 0] == blocks[:, 1]).all()
    asked = blocks[:, 0].ravel() - len(payloads)
    assert sorted(asked) == list(range(audit.PER_ROUND))
    sizes = [len(payloads[place]) for place in blocks[:, 2].ravel()]
    assert sizes == [len(unseen[place]) for place in asked]


def test_each_round_has_its_own_while_there_are_some() -> None:
    def asked(unseen: int, number: int) -> set[int]:
        order = audit.schedule(["a"], [str(n) for n in range(unseen)], number)
        return {int(place) for place in order if place}

    assert not asked(200, 1) & asked(200, 2)
    assert len(asked(200, 4)) == audit.PER_ROUND, "some are asked again then"
    assert len(asked(21, 3)) == 20, "whole blocks only"
    assert asked(1, 1) == set()


def test_a_block_takes_as_long_as_its_faster_request() -> None:
    taken = np.array([9, 5, 3, 4, 6, 6, 8, 7, 2, 2, 5])  # it ended within its second block
    count = len(taken)
    zeros = np.zeros(count, np.int64)
    error = zeros.copy()
    error[8] = ERRORS.index("wrong_answer")
    requests = Requests(
        payload=zeros,
        due_ns=zeros - 1,
        sent_ns=zeros,
        first_byte_ns=taken,
        done_ns=taken,
        status=zeros + 200,
        error=error,
        queued=zeros,
        resent=zeros,
    )
    found = audit.times(requests)
    assert found.first.tolist() == [5, 7]
    assert found.again[0] == 3
    assert np.isnan(found.again[1])
    assert found.known.tolist() == [6], "a request alone is no block"
    assert np.flatnonzero(~audit.unseen(requests)).tolist() == [4, 5, 10]
