"""A disk that is full, told from whatever else can be wrong with a file."""

from __future__ import annotations

import errno
import sqlite3

FULL = {errno.ENOSPC, errno.EDQUOT}  # of a disk, and of what one person may fill of it


def is_full(error: BaseException) -> bool:
    """Whether an error says that there is no room left to write to."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in FULL
