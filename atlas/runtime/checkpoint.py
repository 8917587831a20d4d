"""The progress of a build in one SQLite file, so that a build that was stopped can go on.

``commit`` makes everything count that was written since the last commit. A process that is killed
at any moment leaves the state of the last commit.
"""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from atlas.errors import AtlasError
from atlas.runtime.full_disk import is_full


class Checkpoint:
    """Facts and arrays by name, in a file at ``path``, or in memory for None.

    Raises ``AtlasError`` if another process has the file open, or it can't be used. Everything that
    writes raises ``sqlite3.OperationalError`` where the disk is full (``full_disk.is_full``).
    """

    def __init__(self, path: Path | None = None) -> None:
        try:
            self.database = sqlite3.connect(path or ":memory:", timeout=0)
        except sqlite3.OperationalError as error:
            raise AtlasError(f"{path} can't be opened: {error}") from error
        try:
            # the first write locks the file for this process until it ends, however it ends
            self.database.execute("PRAGMA locking_mode = EXCLUSIVE")
            # a killed process loses nothing; after a power cut the build may have to start again
            self.database.execute("PRAGMA synchronous = OFF")
            for table in ("facts (name TEXT PRIMARY KEY, value TEXT)",
                          "arrays (name TEXT PRIMARY KEY, value BLOB)"):  # fmt: skip
                self.database.execute(f"CREATE TABLE IF NOT EXISTS {table}")
            self["opened"] = True
            self.database.commit()
        except sqlite3.DatabaseError as error:
            self.close()
            if is_full(error):
                raise
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                why = "is in use: another build of this atlas is running"
            else:
                why = f"can't be used: {error}; to begin anew, remove it"
            raise AtlasError(f"{path} {why}") from error

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

    def close(self) -> None:
        """Drop what was not committed, and release the file."""
        self.database.close()


def holds_work(path: Path) -> bool:
    """Whether anything was ever kept in a checkpoint's file, as far as one can tell.

    It only reads, so that a full disk makes no difference.
    """
    query = "SELECT (SELECT count(*) FROM facts WHERE name != 'opened') + count(*) FROM arrays"
    try:
        where = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(where, uri=True, timeout=0)) as database:
            return int(database.execute(query).fetchone()[0]) > 0
    except sqlite3.OperationalError as error:  # no tables, or a write to undo first
        return error.sqlite_errorcode != sqlite3.SQLITE_ERROR
    except sqlite3.DatabaseError:
        return False
