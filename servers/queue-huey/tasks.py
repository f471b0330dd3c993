"""Shared by the web process and the workers: Huey on a file of SQLite, and a lease in it.

Huey takes a task off its table when it begins, and would lose it with its worker. Here the same
transaction writes down who has it: a worker that comes back after its death puts it back.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huey import SqliteHuey
from huey.storage import SqliteStorage

FILE = str(Path(tempfile.gettempdir(), "queue.db"))
OWNER = os.environ.get("QUEUE_WORKER", "")
BUSY_S = 30.0  # that a writer waits for another
_TAKEN = "create table if not exists taken (owner text primary key, data blob not null)"


class LeasedStorage(SqliteStorage):
    """The table `taken` holds the task of each worker, one at a time."""

    ddl = (*SqliteStorage.ddl, _TAKEN)

    def dequeue(self) -> Any:
        if not self.sql("select 1 from task where queue = ? limit 1", (self.name,), results=True):
            return None
        with self.db(commit=True) as cursor:
            cursor.execute(
                "select id, data from task where queue = ? order by priority desc, id limit 1",
                (self.name,),
            )
            if (row := cursor.fetchone()) is None:
                return None
            cursor.execute("delete from task where id = ?", (row[0],))
            cursor.execute("insert or replace into taken values (?, ?)", (OWNER, row[1]))
            return row[1]

    def put_back(self) -> None:
        """Put back the task that this worker had when it was killed."""
        with self.db(commit=True) as cursor:
            cursor.execute("select data from taken where owner = ?", (OWNER,))
            for (data,) in cursor.fetchall():
                # Before all others, as it had come before them.
                cursor.execute(
                    "insert into task (queue, data, priority) values (?, ?, 1)", (self.name, data)
                )
            cursor.execute("delete from taken where owner = ?", (OWNER,))

    def everything(self) -> list[bytes]:
        """All tasks: those that wait, and those that workers have."""
        taken = self.sql("select data from taken", results=True)
        return [*self.enqueued_items(), *(data for (data,) in taken)]


huey = SqliteHuey(
    "queue",
    storage_class=LeasedStorage,
    filename=FILE,
    fsync=True,  # what is accepted is durable
    timeout=BUSY_S,
    results=False,  # what became of a job stands in a record of its own, with its times and runs
)
work: list[Callable[[str], None]] = []  # what a worker does with a job; the web process, nothing


@huey.task(name="predict")
def predict(name: str) -> None:
    work[0](name)
