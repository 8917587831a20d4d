"""The central record of a layer as a file, ``record.npz``: what the scan found of every unit."""

from __future__ import annotations

import io
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from atlas.data.array_files import read_arrays
from atlas.data.whole_files import write_whole
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
    names = [part.name for part in fields(TopNine)]
    parts: dict[str, Any] = dict(read_arrays(folder / layer / RECORD, names))
    return TopNine(**{**parts, "images": int(parts["images"])})
