"""What becomes of a build whose disk is full: a line that says so, and how much room it needs."""

from __future__ import annotations

import math
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atlas.errors import AtlasError
from atlas.runtime.full_disk import is_full


def lacking(out: Path, work: Path, needed: int) -> tuple[int, int]:
    """The bytes that are free in ``out``, and those that a build still needs there.

    It needs about ``needed`` in all, of which ``work`` holds what it has written already.
    """
    place = out.resolve()
    there = next(folder for folder in (place, *place.parents) if folder.is_dir())
    return shutil.disk_usage(there).free, max(needed - _taken(work), 1)


@contextmanager
def told(out: Path, work: Path, needed: int) -> Iterator[None]:
    """Raise ``AtlasError`` where the disk is full, with what ``lacking`` says."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        if not is_full(error):
            raise
        free, more = lacking(out, work, needed)
        goes_on = ": it goes on where this one stopped" if work.is_dir() else ""
        raise AtlasError(
            f"the disk is full ({error}): {out} has {free / 1e6:,.1f} MB free, and this build "
            f"needs about {math.ceil(more / 1e6):,} MB more there; make room, and run the same "
            f"command again{goes_on}"
        ) from error


def _taken(folder: Path) -> int:
    """The bytes that a folder takes on the disk, without files that lie elsewhere as well."""
    states = (path.lstat() for path in folder.rglob("*") if path.is_file())
    return sum(512 * state.st_blocks for state in states if state.st_nlink == 1)
