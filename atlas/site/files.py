"""Files and folders of a site, changed in steps that a killed process can't leave half done."""

from __future__ import annotations

import ctypes
import fcntl
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from atlas.data.whole_files import write_whole


def renew(path: Path, content: str | bytes) -> None:
    """Write a file, with its folders, in one step; leave it alone if it has this content already.

    A reader sees the old file or the new one. A process that is killed in between leaves the file
    ``unfinished(path)``. A file that is hard-linked elsewhere keeps its content there.
    """
    if has_content(path, content):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, _encoded(content))


def has_content(path: Path, content: str | bytes) -> bool:
    """Whether a file exists and has this content."""
    return path.is_file() and path.read_bytes() == _encoded(content)


def _encoded(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def remove_unfinished(folder: Path) -> None:
    """Remove what killed calls of ``renew`` left anywhere in a folder."""
    for path in folder.rglob(".*.new"):
        path.unlink()


def size(folder: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


_AT_FDCWD = -100  # of Linux: a relative path starts at the working directory
_RENAME_EXCHANGE = 2


def exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one system call, so that each name has a folder at every moment.

    Returns False, and changes nothing, where that isn't possible: only Linux has the call, and
    not all of its file systems support it.
    """
    if not sys.platform.startswith("linux"):
        return False
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:  # an old C library
        return False
    sys.audit("atlas.exchange", one, other)  # as os.rename announces itself
    paths = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    return bool(renameat2(*paths, _RENAME_EXCHANGE) == 0)


_HELD = threading.local()  # the folders that a thread is alone in


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep all others out of the same block on the same folder; wait while one is in it.

    Within the block the same thread may enter it again. The system ends the wait when that process
    ends, even if it is killed. Some network file systems have no such lock; there nothing is kept
    out.
    """
    own: set[Path] = _HELD.__dict__.setdefault("folders", set())
    place = folder.resolve()
    if place in own:
        yield
        return
    held = os.open(place, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX)
        own.add(place)
        yield
    finally:
        own.discard(place)
        os.close(held)
