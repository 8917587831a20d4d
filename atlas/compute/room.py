"""Arrays that lie in files, so that a build that was stopped finds them as it left them."""

from __future__ import annotations

import errno
import math
import os
from pathlib import Path

import numpy as np


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


def _reserve(file: int, size: int) -> None:
    """Take the room on the disk now: a page of memory that finds none later ends the process."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system without this
            raise
