"""Answers in Redis: a hash for each version of the model, and a key that names the one served."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from secrets import token_hex

import redis
from keys import About, StoreError, parsed
from redis import asyncio as later

_CURRENT = "answers:current"
_LEAST = 7  # release
_TOGETHER = 500  # answers in a command
_WAIT_S = 2.0


class RedisStore:
    """A swap sets one key, so that no reader sees half of it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = later.Redis.from_url(url, socket_timeout=_WAIT_S)

    def write(self, about: About, answers: Iterable[tuple[bytes, bytes]]) -> int:
        """Make a store of all answers and serve it from now on; its bytes. Raises StoreError."""
        name = f"answers:{about.version}-{token_hex(6)}"
        try:
            with redis.Redis.from_url(self._url, socket_timeout=_WAIT_S) as client:
                require_release(client.info("server")["redis_version"])
                try:
                    _fill(client, name, answers)
                    size = int(client.memory_usage(name, samples=0) or 0)  # 0: all of them
                    client.set(_CURRENT, about.text(name))
                except BaseException:
                    client.unlink(name)
                    raise
        except redis.RedisError as error:
            raise StoreError(_why(error, self._url)) from error
        return size

    async def current(self) -> str:
        """The name of the store that is served, which a swap changes. Raises StoreError."""
        try:
            found = await self._client.get(_CURRENT)
        except redis.RedisError as error:
            raise StoreError(_why(error, self._url)) from error
        if found is None:
            raise StoreError("There is no store in Redis: the batch job makes it.")
        return str(found, "utf-8", "replace")

    async def open(self, current: str) -> RedisAnswers:
        """The answers of a store. Raises StoreError."""
        name, about = parsed(current, f"Redis, in {_CURRENT},")
        try:
            kind = await self._client.type(name)
        except redis.RedisError as error:
            raise StoreError(_why(error, self._url)) from error
        if kind != b"hash":
            raise StoreError(f"Redis has no answers in {name}: the batch job is to be run again.")
        return RedisAnswers(self._client, self._url, name, about)


class RedisAnswers:
    """The answers of one model."""

    def __init__(self, client: later.Redis, url: str, name: str, about: About) -> None:
        self.about = about
        self._client = client
        self._url = url
        self._name = name
        self._discarded = False

    async def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The answer to each key, in one command; None where there is none. Raises StoreError."""
        try:
            found: list[bytes | None] = await self._client.hmget(self._name, list(keys))
        except redis.RedisError as error:
            raise StoreError(_why(error, self._url)) from error
        return found

    async def keep(self, answers: Sequence[tuple[bytes, bytes]]) -> None:
        """Answers that were computed on request. Raises StoreError, also where memory is full."""
        if self._discarded:  # else it would come back as a store of these alone
            return
        try:
            await self._client.hset(self._name, mapping=dict(answers))
        except redis.RedisError as error:
            raise StoreError(_why(error, self._url)) from error

    async def discard(self) -> None:
        """Nobody reads it any more."""
        self._discarded = True
        await self._client.unlink(self._name)


def require_release(release: str) -> None:
    """Raises StoreError for a Redis that is too old."""
    found = re.match(r"\d+", str(release))
    if found is None or int(found[0]) < _LEAST:
        raise StoreError(f"Redis is {release}: release {_LEAST} or later is needed.")


def _fill(client: redis.Redis, name: str, answers: Iterable[tuple[bytes, bytes]]) -> None:
    some: dict[bytes, bytes] = {}
    for key, answer in answers:
        some[key] = answer
        if len(some) == _TOGETHER:
            client.hset(name, mapping=some)
            some = {}
    if some:
        client.hset(name, mapping=some)


def _why(error: redis.RedisError, url: str) -> str:
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        return "Redis has no memory left for more answers: raise its maxmemory."
    if isinstance(error, (redis.ConnectionError, redis.TimeoutError)):
        return f"Redis does not answer at {url}: {error}."
    return f"Redis refused a command: {error}."
