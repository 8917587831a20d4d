"""Folders that one worker makes and every worker of a run reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

Make = Callable[[Path], object]  # fills an empty folder
Shared = Callable[[str, Make], Path]  # the fixture ``shared``: a folder by its name


def made_once(factory: pytest.TempPathFactory, name: str, make: Make) -> Path:
    """The run's folder of this name; ``make`` fills it, unless another worker has done so.

    The first worker fills a folder of its own and renames it; the others wait for that. Where
    ``make`` fails, the next that asks tries again.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # what all workers of the run share
    folder = base / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            own = factory.mktemp(name)
            make(own)
            own.rename(folder)
    return folder


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of last change of every file below a folder: equal if nobody wrote there."""
    files = (path for path in folder.rglob("*") if path.is_file())
    facts = ((path.relative_to(folder).as_posix(), path.stat()) for path in files)
    return {name: (found.st_size, found.st_mtime_ns) for name, found in facts}
