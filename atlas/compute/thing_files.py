"""Which images show which things, as a file: ``things.npz``."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from atlas.data.whole_files import write_whole
from atlas.errors import AtlasError

THINGS = "things.npz"


def write_things(folder: Path, rows: np.ndarray, labels: np.ndarray) -> None:
    """Write labels ``[N, C]`` bool of the images in some rows of the peaks."""
    file = io.BytesIO()
    np.savez_compressed(file, rows=rows, labels=np.packbits(labels.T, axis=1))
    write_whole(folder / THINGS, file.getvalue())


def read_things(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``[N]`` and labels ``[N, C]``. Raises ``AtlasError`` if they can't be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            rows, bits = arrays["rows"], arrays["labels"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise AtlasError(f"{path} can't be read: {error}; build it again with --fresh") from error
    labels = np.unpackbits(bits, axis=1, count=len(rows)).astype(bool)
    return rows, np.ascontiguousarray(labels.T)
