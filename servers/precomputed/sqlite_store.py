"""Answers in SQLite: a file for each version of the model, and a file that names the one served."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from secrets import token_hex

from keys import About, StoreError, parsed

_CURRENT = "current.json"
_FULL = "database or disk is full"


class SqliteStore:
    """A folder of stores. A swap replaces one small file, so that no reader sees half of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, about: About, answers: Iterable[tuple[bytes, bytes]]) -> int:
        """Make a store of all answers and serve it from now on; its bytes. Raises StoreError."""
        path = self._folder / f"{about.version}-{token_hex(6)}.sqlite"
        try:
            size = self._write(path, about, answers)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(_why(error, self._folder)) from error
        finally:
            if not self._serves(path):  # also where predicting failed half-way
                path.unlink(missing_ok=True)
        return size

    def _write(self, path: Path, about: About, answers: Iterable[tuple[bytes, bytes]]) -> int:
        connection = sqlite3.connect(path)
        try:
            with connection:
                connection.execute("CREATE TABLE about (text TEXT)")
                connection.execute("INSERT INTO about VALUES (?)", (about.text(path.name),))
                connection.execute(
                    "CREATE TABLE answers (key BLOB PRIMARY KEY, answer BLOB) WITHOUT ROWID"
                )
                connection.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", answers)
        finally:
            connection.close()
        part = self._folder / f".{path.name}"
        part.write_text(about.text(path.name), "utf-8")
        part.replace(self._folder / _CURRENT)
        return path.stat().st_size

    def _serves(self, path: Path) -> bool:
        current = self._folder / _CURRENT
        return current.exists() and path.name in current.read_text("utf-8", "replace")

    async def current(self) -> str:
        """The name of the store that is served, which a swap changes."""
        try:
            return (self._folder / _CURRENT).read_text("utf-8")
        except FileNotFoundError as error:
            raise StoreError(
                f"There is no store in {self._folder}: the batch job makes it."
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{self._folder / _CURRENT} can't be read: {error}.") from error

    async def open(self, current: str) -> SqliteAnswers:
        """The answers of a store. Raises StoreError for a file that is corrupt, or not the one."""
        name, about = parsed(current, str(self._folder / _CURRENT))
        path = self._folder / name
        if not path.is_file():
            raise StoreError(f"The store {path} is missing: the batch job is to be run again.")
        return SqliteAnswers(path, about)


class SqliteAnswers:
    """The answers of one model. A look-up takes some 20 microseconds: no thread is needed."""

    def __init__(self, path: Path, about: About) -> None:
        self.about = about
        self._path = path
        try:
            self._connection = sqlite3.connect(path, isolation_level=None)
            # Readers and the writer of misses do not wait for each other; nothing is synced for
            # each miss, since what a crash loses is computed again.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._require_sound()
        except sqlite3.Error as error:
            raise StoreError(_why(error, path)) from error

    def _require_sound(self) -> None:
        said = self._connection.execute("PRAGMA quick_check").fetchone()[0]
        if said != "ok":
            raise sqlite3.DatabaseError(said)
        (own,) = self._connection.execute("SELECT text FROM about").fetchone()
        if own != self.about.text(self._path.name):
            raise StoreError(
                f"The store {self._path} is another one than its name says: the batch job is to be "
                "run again."
            )

    async def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The answer to each key; None where there is none. Raises StoreError."""
        try:
            return [self._one(key) for key in keys]
        except sqlite3.Error as error:
            raise StoreError(_why(error, self._path)) from error

    def _one(self, key: bytes) -> bytes | None:
        asked = "SELECT answer FROM answers WHERE key = ?"
        row = self._connection.execute(asked, (key,)).fetchone()
        return None if row is None else row[0]

    async def keep(self, answers: Sequence[tuple[bytes, bytes]]) -> None:
        """Answers that were computed on request. Raises StoreError."""
        try:
            self._connection.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", answers)
        except sqlite3.Error as error:
            raise StoreError(_why(error, self._path)) from error

    async def discard(self) -> None:
        """Nobody reads it any more."""
        self._connection.close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def _why(error: Exception, place: Path) -> str:
    if isinstance(error, StoreError):
        return str(error)
    if _FULL in str(error) or "disk I/O error" in str(error) or isinstance(error, OSError):
        return f"The store in {place} can't be written: {error}. Free some space on its disk."
    return f"The store {place} can't be read ({error}): it is corrupt. Run the batch job again."
