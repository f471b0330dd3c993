"""servers/shared/turns.py: a lock that is first come, first served."""

from __future__ import annotations

import time
from threading import Thread

import pytest
from turns import Turns

from tests.system.sandbox import until


def wait_for(turns: Turns, number: int) -> None:
    """Until so many threads wait."""
    until(lambda: len(turns._waiting) >= number)


def asking(turns: Turns, number: int, order: list[int]) -> Thread:
    """A thread that has asked, and writes its number down when it is its turn."""

    def take() -> None:
        with turns:
            order.append(number)

    thread = Thread(target=take)
    thread.start()
    return thread


def test_threads_get_it_in_the_order_in_which_they_asked() -> None:
    turns, order = Turns(), list[int]()
    threads = []
    with turns:
        for number in range(20):
            threads.append(asking(turns, number, order))
            wait_for(turns, number + 1)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == list(range(20))


def test_the_one_that_had_it_does_not_overtake_those_that_wait() -> None:
    turns, order = Turns(), list[int]()
    with turns:
        thread = asking(turns, 1, order)
        wait_for(turns, 1)
    with turns:  # a threading.Lock would be taken here before the other thread runs
        order.append(2)
    thread.join()
    assert order == [1, 2]


def test_one_at_a_time() -> None:
    turns = Turns()
    inside, most = 0, 0

    def take_often() -> None:
        nonlocal inside, most
        for _ in range(200):
            with turns:
                inside += 1
                most = max(most, inside)
                time.sleep(0)
                inside -= 1

    threads = [Thread(target=take_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)


def test_an_error_hands_it_over() -> None:
    turns, order = Turns(), list[int]()
    threads = []

    def fail() -> None:
        with turns:
            threads.append(asking(turns, 1, order))
            wait_for(turns, 1)
            raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        fail()
    threads[0].join()
    assert order == [1]
