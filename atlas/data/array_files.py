"""Archives of arrays, ``.npz``, as they are found on a disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from atlas.errors import AtlasError, first_line


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Some arrays of an archive, by name. Raises ``AtlasError`` if they can't be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except Exception as error:  # NumPy and what it reads with raise many kinds
        why = first_line(error) or type(error).__name__
        raise AtlasError(f"{path} can't be read: {why}; build it again with --fresh") from error
