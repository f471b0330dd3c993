"""The chunks of a loop, while it runs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np

from harness.protocols.exchange import Content
from harness.windows.samples import Chunks


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
