"""On the PYTHONPATH of every server process: what is known of each job, in Redis.

Each step is one script, so that it happens as a whole or not at all, and may be sent again when a
connection broke. Redis writes its file before it answers: what a script has answered is durable.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Iterable
from typing import TypeVar

import redis
import redis.asyncio
from job_front import UNSURE_NS, Job, Queue, Unavailable
from job_work import KEEPS_S, LEASE_S, LOST, MOST, Outcome, now
from redis.backoff import ConstantBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError, TimeoutError
from redis.retry import Retry

OPEN = "open"  # unfinished jobs, by when they were submitted
STREAM = "jobs"
_FIELDS = (
    *("status", "result", "error", "timestamp"),
    *("runs", "submitted_ns", "started_ns", "finished_ns"),
)
_AWAY = (ConnectionError, TimeoutError, BusyLoadingError)
_BETWEEN_S = 0.05
_TRIES = 60  # of the web process: a broker that is started again is back by then
_FOR_EVER = -1  # of a worker, which holds on to its results until it can store them

# KEYS: the job, OPEN, and where the job itself goes there the stream. ARGV: id, ns, most, payload.
SUBMIT = """#!lua
if redis.call('EXISTS', KEYS[1]) == 1 then return 1 end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'status', 'in_queue', 'submitted_ns', ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
if KEYS[3] then
  local entry = redis.call('XADD', KEYS[3], '*', 'id', ARGV[1], 'payload', ARGV[4])
  redis.call('HSET', KEYS[1], 'entry', entry)
end
return 1
"""
# KEYS: the job. ARGV: a name of this run, ns. How often it was begun, or -1 if it has ended. Where
# memory is full, workers still go on: they make room.
BEGIN = """#!lua flags=allow-oom
local job = redis.call('HMGET', KEYS[1], 'status', 'run', 'runs')
if job[1] ~= 'in_queue' and job[1] ~= 'in_progress' then return -1 end
if job[2] == ARGV[1] then return tonumber(job[3]) end
redis.call('HSET', KEYS[1], 'status', 'in_progress', 'run', ARGV[1], 'started_ns', ARGV[2])
return redis.call('HINCRBY', KEYS[1], 'runs', 1)
"""
# KEYS: the job, OPEN, and the stream or nothing. ARGV: id, status, text, timestamp, ns, ms that it
# is kept, and of a stream the group and the entry.
FINISH = """#!lua flags=allow-oom
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'in_queue' or status == 'in_progress' then
  local field = ARGV[2] == 'completed' and 'result' or 'error'
  redis.call('HSET', KEYS[1], 'status', ARGV[2], field, ARGV[3], 'timestamp', ARGV[4],
    'finished_ns', ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
end
redis.call('ZREM', KEYS[2], ARGV[1])
if KEYS[3] then
  redis.call('XACK', KEYS[3], ARGV[7], ARGV[8])
  redis.call('XDEL', KEYS[3], ARGV[8])
end
"""
# KEYS: the stream. ARGV: ids. Those of them whose entry is not in it.
MISSING = """#!lua flags=no-writes
local missing = {}
for _, id in ipairs(ARGV) do
  local entry = redis.call('HGET', 'job:' .. id, 'entry')
  if not entry or #redis.call('XRANGE', KEYS[1], entry, entry) == 0 then
    missing[#missing + 1] = id
  end
end
return missing
"""

Answer = TypeVar("Answer")


class Records:
    """As a worker sees them."""

    def __init__(self, url: str) -> None:
        retry = Retry(ConstantBackoff(_BETWEEN_S), _FOR_EVER, supported_errors=_AWAY)
        self.client = redis.Redis.from_url(url, retry=retry, retry_on_error=list(_AWAY))
        self._begin = self.client.register_script(BEGIN)
        self._finish = self.client.register_script(FINISH)

    def begin(self, name: str) -> int:
        """How often the job has been begun, with this time; -1 where it has ended already."""
        started = [secrets.token_hex(8), time.monotonic_ns()]
        runs: int = self._begin(keys=[f"job:{name}"], args=started)
        return runs

    def finish(self, name: str, outcome: Outcome, *entry: str | bytes) -> None:
        """Keep how it ended, unless it had before; with an entry (group, id), that is taken off the
        stream in the same moment."""
        keys = [f"job:{name}", OPEN, *([STREAM] if entry else [])]
        self._finish(keys=keys, args=[*_ended(name, outcome), *entry])


class RedisQueue(Queue):
    """As the web process sees them; with `has_stream`, jobs go onto the stream themselves."""

    keeps_s = KEEPS_S

    def __init__(self, url: str, *, has_stream: bool) -> None:
        retry = redis.asyncio.retry.Retry(
            ConstantBackoff(_BETWEEN_S), _TRIES, supported_errors=_AWAY
        )
        self.client = redis.asyncio.Redis.from_url(url, retry=retry, retry_on_error=list(_AWAY))
        self._has_stream = has_stream
        self._submit, self._finish, self._missing = (
            self.client.register_script(text) for text in (SUBMIT, FINISH, MISSING)
        )
        self._unseen: frozenset[str] = frozenset()

    async def submit(self, name: str, payload: bytes) -> None:
        keys = [f"job:{name}", OPEN, *([STREAM] if self._has_stream else [])]
        args = [name, time.monotonic_ns(), MOST, payload if self._has_stream else b""]
        if not await reached(self._submit(keys=keys, args=args)):
            raise Unavailable(f"The queue is full: {MOST} jobs are unfinished. Try again later.")

    async def look(self, name: str) -> Job | None:
        found = await reached(self.client.hmget(f"job:{name}", _FIELDS))
        told = dict(zip(_FIELDS, found, strict=True))
        if told["status"] is None:
            return None
        texts = {key: (told[key] or b"").decode() for key in _FIELDS[:4]}
        numbers = {key: int(told[key]) for key in _FIELDS[4:] if told[key] is not None}
        return Job(**texts, **numbers)

    async def sweep(self) -> None:
        before = time.monotonic_ns() - UNSURE_NS
        old = [each.decode() for each in await reached(self.client.zrangebyscore(OPEN, 0, before))]
        missing = frozenset(await self.missing(old) if old else ())
        for name in missing & self._unseen:
            job = await self.look(name)
            if job is None:
                await reached(self.client.zrem(OPEN, name))
            elif not _is_held(job):
                args = _ended(name, LOST)
                await reached(self._finish(keys=[f"job:{name}", OPEN], args=args))
        self._unseen = missing

    async def missing(self, names: list[str]) -> Iterable[str]:
        """Those of them that are in nobody's queue."""
        found = await reached(self._missing(keys=[STREAM], args=names))
        return (each.decode() for each in found)

    async def forget(self, name: str) -> None:
        """A job was not taken after all."""
        await reached(self.client.zrem(OPEN, name))
        await reached(self.client.delete(f"job:{name}"))


def _is_held(job: Job) -> bool:
    if job.status != "in_progress" or job.started_ns is None:
        return False
    return time.monotonic_ns() - job.started_ns < 2e9 * LEASE_S


def _ended(name: str, outcome: Outcome) -> list[str | int]:
    ended_ns, kept_ms = time.monotonic_ns(), int(1000 * KEEPS_S)
    return [name, outcome.status, outcome.text, now(), ended_ns, kept_ms]


async def reached(asked: Awaitable[Answer]) -> Answer:
    """The answer of Redis. Raises Unavailable, with its words, if it does not answer."""
    try:
        return await asked
    except _AWAY as error:
        raise Unavailable(f"The broker can't be reached: {error}.") from error
    except RedisError as error:
        raise Unavailable(f"The broker refuses: {error}.") from error
