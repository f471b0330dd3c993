"""The record of each job: a table in the file that holds Huey's own tables."""

from __future__ import annotations

import sqlite3
import time

from job_front import Job
from job_work import KEEPS_S, MOST, Outcome, now
from tasks import BUSY_S, FILE

_TABLE = """\
create table if not exists job (
  id text primary key, payload blob, status text not null, result text, error text, timestamp text,
  runs integer not null default 0, submitted_ns integer, started_ns integer, finished_ns integer,
  expires_at real
)"""
_OPEN = "create index if not exists open on job (submitted_ns) where finished_ns is null"
_PAST = "create index if not exists past on job (expires_at) where expires_at is not null"
_FIELDS = (
    *("status", "result", "error", "timestamp"),
    *("runs", "submitted_ns", "started_ns", "finished_ns"),
)


class Records:
    """To be used by one thread at a time."""

    def __init__(self) -> None:
        self._file = sqlite3.connect(
            FILE, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        for statement in ("pragma journal_mode=wal", "pragma synchronous=full"):
            self._file.execute(statement)
        for statement in (_TABLE, _OPEN, _PAST):
            self._file.execute(statement)

    def submit(self, name: str, payload: bytes) -> bool:
        """Whether there was room for it."""
        with Writing(self._file):
            count = "select count(*) from job where finished_ns is null"
            if self._file.execute(count).fetchone()[0] >= MOST:
                return False
            self._file.execute(
                "insert into job (id, payload, status, submitted_ns) values (?, ?, 'in_queue', ?)",
                (name, payload, time.monotonic_ns()),
            )
        return True

    def begin(self, name: str) -> tuple[int, bytes]:
        """(how often it has been begun, with this time; its payload); -1 where it has ended."""
        with Writing(self._file):
            found = self._file.execute(
                "update job set status = 'in_progress', runs = runs + 1, started_ns = ? "
                "where id = ? and finished_ns is null returning runs, payload",
                (time.monotonic_ns(), name),
            ).fetchall()
        return (found[0][0], found[0][1]) if found else (-1, b"")

    def finish(self, name: str, outcome: Outcome) -> None:
        """Keep how it ended, unless it had before."""
        field = "result" if outcome.completed else "error"
        with Writing(self._file):
            self._file.execute(
                f"update job set status = ?, {field} = ?, timestamp = ?, finished_ns = ?, "
                "expires_at = ?, payload = null where id = ? and finished_ns is null",
                (
                    *(outcome.status, outcome.text, now(), time.monotonic_ns()),
                    *(time.time() + KEEPS_S, name),
                ),
            )

    def look(self, name: str) -> Job | None:
        """How far it is."""
        asked = f"select {', '.join(_FIELDS)} from job where id = ? and "
        alive = "(expires_at is null or expires_at > ?)"
        found = self._file.execute(asked + alive, (name, time.time())).fetchone()
        if found is None:
            return None
        told = dict(zip(_FIELDS, found, strict=True))
        return Job(**{key: value for key, value in told.items() if value is not None})

    def open_before(self, moment_ns: int) -> set[str]:
        """Unfinished jobs that were submitted before; what has expired is removed."""
        past = "select 1 from job where expires_at < ? limit 1"
        if self._file.execute(past, (time.time(),)).fetchone():
            with Writing(self._file):
                self._file.execute("delete from job where expires_at < ?", (time.time(),))
        asked = "select id from job where finished_ns is null and submitted_ns < ?"
        return {name for (name,) in self._file.execute(asked, (moment_ns,))}

    def forget(self, name: str) -> None:
        """A job was not taken after all."""
        with Writing(self._file):
            self._file.execute("delete from job where id = ?", (name,))


class Writing:
    """A transaction that writes: it waits for others at its begin, and not in its middle."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def __enter__(self) -> None:
        self._file.execute("begin immediate")

    def __exit__(self, kind: object, *_: object) -> None:
        self._file.execute("rollback" if kind is not None else "commit")
