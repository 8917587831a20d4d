"""The progress of a build in one SQLite file, so that a build that was stopped can go on.

``commit`` makes everything count that was written since the last commit. A process that is killed
at any moment leaves the state of the last commit.

Each table has a sum of the digests of its rows, which every write keeps up to date, so that a file
that has changed otherwise, by a bit or a row, is found out when it is opened again (``is_whole``).
"""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from atlas.errors import AtlasError
from atlas.runtime.full_disk import is_full

TABLES = {"facts": ("name TEXT PRIMARY KEY", "value TEXT"),
          "arrays": ("name TEXT PRIMARY KEY", "value BLOB")}  # fmt: skip
SUMS = "sums (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID"
# no tables that this program makes, no tables that hang together, no database at all
DAMAGED = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
OWN = ("opened", "of")  # facts that are no work


class UnusableCheckpoint(AtlasError):
    """A checkpoint's file that is damaged, or none at all."""


class Checkpoint:
    """Facts and arrays by name, in a file at ``path``, or in memory for None.

    Raises ``UnusableCheckpoint`` if the file is damaged, and ``AtlasError`` if another process has
    it open or it can't be used. Everything that writes raises ``sqlite3.OperationalError`` where
    the disk is full (``full_disk.is_full``). ``commits`` counts those since it was opened.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.commits = 0
        try:
            self.database = sqlite3.connect(path or ":memory:", timeout=0)
        except sqlite3.OperationalError as error:
            raise AtlasError(f"{path} can't be opened: {error}") from error
        try:
            # the first write locks the file for this process until it ends, however it ends
            self.database.execute("PRAGMA locking_mode = EXCLUSIVE")
            # a killed process loses nothing; after a power cut the build may have to start again
            self.database.execute("PRAGMA synchronous = OFF")
            # what is replaced leaves the sums as well
            self.database.execute("PRAGMA recursive_triggers = ON")
            self.database.create_function("with_row", -1, _with_row, deterministic=True)
            self.database.execute("PRAGMA temp_store = MEMORY")  # for triggers
            self.database.execute(f"CREATE TABLE IF NOT EXISTS {SUMS}")
            for name, columns in TABLES.items():
                self.add_table(name, columns)
            self["opened"] = True
            self.database.commit()
        except sqlite3.DatabaseError as error:
            self.close()
            if is_full(error):
                raise
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code == sqlite3.SQLITE_BUSY:
                why = "is in use: another build of this atlas is running"
                raise AtlasError(f"{path} {why}") from error
            why = f"{path} can't be used: {error}; to begin anew, remove it"
            raise (UnusableCheckpoint if code in DAMAGED else AtlasError)(why) from error

    def add_table(self, name: str, columns: Sequence[str]) -> None:
        """Add a table of one's own, unless it is there; its rows count in the sums."""
        self.database.execute(f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(columns)})")
        self.database.execute("INSERT OR IGNORE INTO sums VALUES (?, 0)", [name])
        for event, sign, row in (("INSERT", 1, "new"), ("DELETE", -1, "old")):
            values = ", ".join(f"{row}.{column.split()[0]}" for column in columns)
            counted = f"with_row(value, {sign}, {values})"
            self.database.execute(
                f"CREATE TEMP TRIGGER IF NOT EXISTS {name}_{row} AFTER {event} ON main.{name} "
                f"BEGIN UPDATE sums SET value = {counted} WHERE name = '{name}'; END"
            )

    def is_whole(self) -> bool:
        """Whether all that the file holds is as it was written; reads all of it."""
        try:
            if self.database.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
                return False
            for name, kept in self.database.execute("SELECT name, value FROM sums").fetchall():
                found = 0
                for row in self.database.execute(f"SELECT * FROM {name}"):
                    found = _with_row(found, 1, *row)
                if found != kept:
                    return False
        except (sqlite3.DatabaseError, UnicodeDecodeError, TypeError):
            return False
        return True

    def __getitem__(self, name: str) -> Any:
        """The fact of this name; None if there is none."""
        row = self.database.execute("SELECT value FROM facts WHERE name = ?", [name]).fetchone()
        return json.loads(row[0]) if row else None

    def __setitem__(self, name: str, value: Any) -> None:
        """Keep a fact: any value of JSON."""
        text = json.dumps(value)
        self.database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", [name, text])

    def array(self, name: str) -> np.ndarray:
        """The array of this name. Raises ``KeyError`` if there is none."""
        row = self.database.execute("SELECT value FROM arrays WHERE name = ?", [name]).fetchone()
        if row is None:
            raise KeyError(name)
        return np.load(io.BytesIO(row[0]), allow_pickle=False)

    def keep(self, name: str, array: np.ndarray) -> None:
        """Keep an array under a name."""
        file = io.BytesIO()
        np.save(file, array, allow_pickle=False)
        row = [name, file.getvalue()]
        self.database.execute("INSERT OR REPLACE INTO arrays VALUES (?, ?)", row)

    def commit(self) -> None:
        """Make everything count that was written since the last commit."""
        self.database.commit()
        self.commits += 1

    def close(self) -> None:
        """Drop what was not committed, and release the file."""
        self.database.close()


def holds_work(path: Path) -> bool:
    """Whether anything was ever kept in a checkpoint's file, as far as one can tell.

    It only reads, so that a full disk makes no difference.
    """
    query = f"SELECT (SELECT count(*) FROM facts WHERE name NOT IN {OWN}) + count(*) FROM arrays"
    try:
        where = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(where, uri=True, timeout=0)) as database:
            return int(database.execute(query).fetchone()[0]) > 0
    except sqlite3.OperationalError as error:  # no tables, or a write to undo first
        return error.sqlite_errorcode != sqlite3.SQLITE_ERROR
    except sqlite3.DatabaseError:
        return False


def _with_row(value: int, sign: int, *row: Any) -> int:
    """A sum with one more row or without one: 64 bits, as SQLite keeps them."""
    digest = hashlib.blake2b(digest_size=8)
    for one in row:
        content = one if isinstance(one, bytes) else repr(one).encode("utf-8", "surrogatepass")
        digest.update(b"%d " % len(content) + content)
    total = value + sign * int.from_bytes(digest.digest(), "big")
    return (total + (1 << 63)) % (1 << 64) - (1 << 63)
