"""The central record of a layer as a file, ``record.npz``: what the scan found of every unit."""

from __future__ import annotations

import io
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from atlas.data.whole_files import write_whole
from atlas.errors import AtlasError, first_line
from atlas.scanning.topk import TopNine

RECORD = "record.npz"


def write_record(folder: Path, layer: str, record: TopNine) -> None:
    """Write a layer's record into an atlas's folder; the same record gives the same bytes."""
    file = io.BytesIO()
    arrays: dict[str, Any] = {part.name: getattr(record, part.name) for part in fields(TopNine)}
    np.savez_compressed(file, **arrays)
    path = folder / layer / RECORD
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, file.getvalue())


def read_record(folder: Path, layer: str) -> TopNine:
    """Read it. Raises ``AtlasError`` if it can't be read."""
    path = folder / layer / RECORD
    try:
        with np.load(path, allow_pickle=False) as arrays:
            parts: dict[str, Any] = {part.name: arrays[part.name] for part in fields(TopNine)}
        return TopNine(**{**parts, "images": int(parts["images"])})
    except Exception as error:  # NumPy and what it reads with raise many kinds
        why = first_line(error) or type(error).__name__
        raise AtlasError(f"{path} can't be read: {why}; build it again with --fresh") from error
