"""The progress of a build in one SQLite file, so that a build that was stopped can go on.

``commit`` makes everything count that was written since the last commit. A process that is killed
at any moment leaves the state of the last commit.
"""

from __future__ import annotations

import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np

from atlas.errors import AtlasError


class Checkpoint:
    """Facts and arrays by name, in a file at ``path``, or in memory for None.

    Raises ``AtlasError`` if another process has the file open.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.database = sqlite3.connect(path or ":memory:", timeout=0)
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
        except sqlite3.OperationalError as error:
            raise AtlasError(f"{path} is in use: another build of this atlas is running") from error

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

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever kept in it."""
        query = "SELECT (SELECT count(*) FROM facts WHERE name != 'opened') + count(*) FROM arrays"
        return int(self.database.execute(query).fetchone()[0]) == 0

    def commit(self) -> None:
        """Make everything count that was written since the last commit."""
        self.database.commit()

    def close(self) -> None:
        """Drop what was not committed, and release the file."""
        self.database.close()
