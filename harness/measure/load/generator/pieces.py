"""An answer whose pieces are told as they come."""

from __future__ import annotations

from collections.abc import Callable

from harness.measure.load.generator.answer import Answer, Unfit

_PLAIN = (b"", b"identity")


class PieceAnswer(Answer):
    """An answer that is kept whole; `tell` each piece of its body, and when it came."""

    __slots__ = ("_fresh", "_tell", "now")

    def __init__(
        self, *, most: int, bodiless: bool, tell: Callable[[bytes, int], None] | None
    ) -> None:
        super().__init__(keep=True, most=most, bodiless=bodiless)
        self._tell = tell
        self._fresh: list[bytes] = []
        self.now = 0  # when what is fed came

    def feed(self, data: bytes) -> bool:
        """Take in data as any answer does. Raises Unfit also if its pieces can't be read."""
        whole = super().feed(data)
        if self._tell is not None and self._fresh:
            if self.encoding.strip(b", ").lower() not in _PLAIN:
                raise Unfit("its content is compressed, and is not read piece by piece")
            fresh, self._fresh = self._fresh, []
            for piece in fresh:
                self._tell(piece, self.now)
        return whole

    def on_body(self, body: bytes) -> None:
        if self._tell is not None and not self.whole:
            self._fresh.append(body)
        super().on_body(body)
