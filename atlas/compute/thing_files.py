"""Which images show which things, as a file: ``things.npz``."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from atlas.data.array_files import read_arrays
from atlas.data.whole_files import write_whole

THINGS = "things.npz"


def write_things(folder: Path, rows: np.ndarray, labels: np.ndarray) -> None:
    """Write labels ``[N, C]`` bool of the images in some rows of the peaks."""
    file = io.BytesIO()
    np.savez_compressed(file, rows=rows, labels=np.packbits(labels.T, axis=1))
    write_whole(folder / THINGS, file.getvalue())


def read_things(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``[N]`` and labels ``[N, C]``. Raises ``AtlasError`` if they can't be read."""
    rows, bits = read_arrays(path, ("rows", "labels")).values()
    labels = np.unpackbits(bits, axis=1, count=len(rows)).astype(bool)
    return rows, np.ascontiguousarray(labels.T)
