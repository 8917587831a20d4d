"""Arrays that lie in files, so that a build that was stopped finds them as it left them.

A stage that fills such arrays piece by piece notes a digest of each piece in its checkpoint
(``note_pieces``), so that a file that was damaged meanwhile is found out (``pieces_are_whole``).
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from atlas.runtime.checkpoint import Checkpoint

Filled = tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]  # arrays, and what of their axes


def room(path: Path, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """An array that lies in a file: as it was left, or of zeros.

    Raises ``OSError`` if the disk has no room for all of it.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    as_left = path.exists() and path.stat().st_size == size
    with path.open("r+b" if as_left else "wb") as file:
        file.truncate(size)
        if size:
            _reserve(file.fileno(), size)
    if not size:
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype, "r+", shape=shape)


def note_pieces(checkpoint: Checkpoint, filled: Iterable[Filled]) -> None:
    """Note what was filled of arrays that ``room`` gave, before the checkpoint is committed.

    Each piece is some arrays ``[R, K, ...]`` and the places that were filled in all of them: ``B``
    numbers of the first axis, and as many of the second.
    """
    count = checkpoint["pieces"] or 0
    for arrays, rows, ranks in filled:
        files = {
            Path(str(array.filename)).name: array.shape[1] * _bytes_of_one(array)
            for array in arrays
            if isinstance(array, np.memmap)
        }
        places = [rows.tolist(), ranks.tolist()]
        digest = hashlib.blake2b(digest_size=16)
        for array in arrays:
            if isinstance(array, np.memmap):
                digest.update(array[rows, ranks].tobytes())
        checkpoint[f"piece {count}"] = [files, arrays[0].shape[1], places, digest.hexdigest()]
        count += 1
    checkpoint["pieces"] = count


def pieces_are_whole(checkpoint: Checkpoint, scratch: Path) -> bool:
    """Whether every piece that was noted lies in its files, below a folder, as it was filled."""
    for number in range(checkpoint["pieces"] or 0):
        files, across, (rows, ranks), wanted = checkpoint[f"piece {number}"]
        digest = hashlib.blake2b(digest_size=16)
        try:
            for file, size in files.items():
                content = np.memmap(scratch / file, np.uint8, "r").reshape(
                    -1, across, size // across
                )
                digest.update(content[rows, ranks].tobytes())
        except (OSError, ValueError, IndexError):  # it is not there, or is shorter
            return False
        if digest.hexdigest() != wanted:
            return False
    return True


def _bytes_of_one(array: np.ndarray) -> int:
    return math.prod(array.shape[2:]) * array.itemsize


def _reserve(file: int, size: int) -> None:
    """Take the room on the disk now: a page of memory that finds none later ends the process."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system without this
            raise
