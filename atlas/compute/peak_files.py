"""Peaks as files: ``peaks.npz`` of the atlas, and of each layer."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from atlas.data.array_files import read_arrays
from atlas.data.whole_files import write_whole
from atlas.evidence.peaks import LayerPeaks, Seen, halved, whole

PEAKS = "peaks.npz"


def write_seen(folder: Path, seen: Seen) -> None:
    """Write what an atlas's network and its twin make of the images."""
    _write(
        folder / PEAKS,
        {"features": seen.features, "twin": seen.twin},
        images=seen.images,
        rows=seen.rows,
    )


def write_peaks(folder: Path, layer: str, peaks: LayerPeaks) -> None:
    """Write a layer's peaks; the same ones give the same bytes."""
    _write(folder / layer / PEAKS, {"own": peaks.own, "twin": peaks.twin}, rows=peaks.rows)


def read_seen(path: Path) -> Seen:
    """Read what the images came to. Raises ``AtlasError`` if it can't be read."""
    parts = read_arrays(path, ("images", "rows", *_names("features", "twin")))
    return Seen(parts["images"], whole(parts, "features"), whole(parts, "twin"), parts["rows"])


def read_peaks(path: Path) -> LayerPeaks:
    """Read a layer's peaks. Raises ``AtlasError`` if they can't be read."""
    parts = read_arrays(path, ("rows", *_names("own", "twin")))
    return LayerPeaks(whole(parts, "own"), whole(parts, "twin"), parts["rows"])


def _write(path: Path, values: dict[str, np.ndarray], **others: np.ndarray) -> None:
    for name, one in values.items():
        others[name], others[f"{name}_scale"] = halved(one)
    file = io.BytesIO()
    np.savez_compressed(file, **others)  # type: ignore[arg-type]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, file.getvalue())


def _names(*values: str) -> Iterator[str]:
    for name in values:
        yield from (name, f"{name}_scale")
