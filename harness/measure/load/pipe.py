"""The pipe between a process and the parent that started it: whole Python objects go through.

Both ends are the harness's own, on one machine; what comes over a network is never unpickled.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import IO, Any


def send(stream: IO[bytes], what: object) -> None:
    """Raises OSError if the reader is gone."""
    pickle.dump(what, stream, protocol=5)
    stream.flush()


def tell(stream: IO[bytes], what: object) -> None:
    """The same where the reader may be gone: then this, and all that comes after it, is dropped."""
    try:
        send(stream, what)
    except BrokenPipeError:
        with Path(os.devnull).open("wb") as nowhere:  # else its buffer would fail again at the end
            os.dup2(nowhere.fileno(), stream.fileno())


def receive(stream: IO[bytes]) -> Any:
    """The next object. Raises EOFError if the pipe ends instead, between objects or within one."""
    try:
        return pickle.load(stream)
    except pickle.UnpicklingError as error:
        raise EOFError from error


def to_parent() -> IO[bytes]:
    """The standard output, from now on for answers alone: what is printed goes to the errors."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers
