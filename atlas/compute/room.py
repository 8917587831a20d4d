"""Arrays that lie in files, so that a build that was stopped finds them as it left them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np


def room(path: Path, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """An array that lies in a file: as it was left, or of zeros."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if not path.exists() or path.stat().st_size != size:
        with path.open("wb") as file:
            file.truncate(size)
    if not size:
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype, "r+", shape=shape)
