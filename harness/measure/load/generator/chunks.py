"""The chunks and marks of a loop, while it runs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np

from harness.protocols.exchange import Content
from harness.windows.marks import MARKS, Marks, Told, is_moment
from harness.windows.samples import Chunks

_MOST = 10**15  # ns: a clock that is further away is that of a machine which is elsewhere


class ChunkColumns:
    """A column each, in the order of their coming; their stamps are absolute."""

    def __init__(self) -> None:
        self._request, self._at_ns, self._size, self._count = (array("q") for _ in range(4))

    def add(self, row: int, now: int, content: Iterable[Content]) -> None:
        """A piece of a request's answer came then, and completed that content."""
        for size, count in content:
            self._request.append(row)
            self._at_ns.append(now)
            self._size.append(size)
            self._count.append(count)

    def since(self, start_ns: int, rows: int) -> Chunks:
        """All of them, with times since then, of a loop that has so many rows."""
        columns = (self._request, self._at_ns, self._size, self._count)
        request, at_ns, size, count = (np.array(column, dtype=np.int64) for column in columns)
        return Chunks(request=request, at_ns=at_ns - start_ns, size_bytes=size, count=count).of(
            np.arange(rows)
        )


class MarkColumns:
    """A column each, as they are told; moments are absolute."""

    def __init__(self) -> None:
        self._request, self._mark, self._value = (array("q") for _ in range(3))

    def add(self, row: int, told: Told) -> None:
        """A request has ended, and its last answer told that."""
        for name, value in told:
            self._request.append(row)
            self._mark.append(MARKS.index(name))
            self._value.append(value)

    def since(self, start_ns: int, rows: int) -> Marks:
        """All of them, with moments since then, of a loop that has so many rows."""
        columns = (self._request, self._mark, self._value)
        request, mark, value = (np.array(column, dtype=np.int64) for column in columns)
        moments = np.array([is_moment(name) for name in MARKS])
        value -= np.where(moments[mark], start_ns, 0)
        known = np.abs(value) <= _MOST
        marks = Marks(request=request[known], mark=mark[known], value=value[known])
        return marks.of(np.arange(rows))
