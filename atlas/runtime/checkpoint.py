"""How far a build came, kept in one SQLite file, so that one that was stopped goes on.

Everything is written in whole steps: ``commit`` makes what was written since the last one count,
and a process killed at any moment leaves what the last one left.
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

    Raises ``AtlasError`` for a file that another process has open.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.database = sqlite3.connect(path or ":memory:", timeout=0)
        try:
            # the first write takes the file for this process until it ends, however it ends
            self.database.execute("PRAGMA locking_mode = EXCLUSIVE")
            # a killed process loses nothing; a power cut may lose the file, and a build begins anew
            self.database.execute("PRAGMA synchronous = OFF")
            for table in ("facts (name TEXT PRIMARY KEY, value TEXT)",
                          "arrays (name TEXT PRIMARY KEY, value BLOB)"):  # fmt: skip
                self.database.execute(f"CREATE TABLE IF NOT EXISTS {table}")
            self["opened"] = True
            self.database.commit()
        except sqlite3.OperationalError as error:
            raise AtlasError(f"{path} is in use: another build of this atlas is running") from error

    def __getitem__(self, name: str) -> Any:
        """A fact; None where there is none of that name."""
        row = self.database.execute("SELECT value FROM facts WHERE name = ?", [name]).fetchone()
        return json.loads(row[0]) if row else None

    def __setitem__(self, name: str, value: Any) -> None:
        """Keep a fact, anything that JSON can say."""
        text = json.dumps(value)
        self.database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", [name, text])

    def array(self, name: str) -> np.ndarray:
        """An array. Raises ``KeyError`` where there is none of that name."""
        row = self.database.execute("SELECT value FROM arrays WHERE name = ?", [name]).fetchone()
        if row is None:
            raise KeyError(name)
        return np.load(io.BytesIO(row[0]), allow_pickle=False)

    def keep(self, name: str, array: np.ndarray) -> None:
        """Keep an array."""
        file = io.BytesIO()
        np.save(file, array, allow_pickle=False)
        row = [name, file.getvalue()]
        self.database.execute("INSERT OR REPLACE INTO arrays VALUES (?, ?)", row)

    def commit(self) -> None:
        """Make everything since the last commit count."""
        self.database.commit()

    def close(self) -> None:
        """Forget what was not committed, and let go of the file."""
        self.database.close()
