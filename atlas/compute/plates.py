"""Plates, from drawn tiles to files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from atlas.compute.tile_store import ShownLayer, TileStore
from atlas.data import addresses
from atlas.data.documents import UnitNine
from atlas.data.records import LayerFacts
from atlas.data.whole_files import write_whole
from atlas.drawing import figures, pixels
from atlas.runtime.progress import Progress, silent

JPEG_QUALITY = 60


def write_plates(
    layers: Iterable[ShownLayer],
    stores: Mapping[str, TileStore],
    folder: Path,
    *,
    jpeg: bool,
    lean: bool = False,
    progress: Progress = silent,
) -> None:
    """Write every unit's plate, its thumbnail, and with ``jpeg`` the same for print and slides.

    Where reconstructions were tried, a plate of the twin's and of what was kept goes with it. With
    ``lean`` nothing goes with the plate, and it is smaller. Plates that a build wrote before it was
    stopped are left alone.
    """
    plates = [
        (layer.facts, unit, stores[layer.facts.layer], row)
        for layer in layers
        for row, unit in enumerate(layer.units)
        if unit.nine
    ]

    def write(which: tuple[LayerFacts, UnitNine, TileStore, int]) -> None:
        layer, unit, store, row = which
        path = folder / addresses.plate_file(layer.layer, unit.unit)
        if path.exists():
            return  # by a build that was stopped
        size = layer.shown
        picture = pixels.plate(layer.plate, store.tiles[row], len(unit.nine))
        path.parent.mkdir(parents=True, exist_ok=True)
        if not lean:
            small = folder / addresses.thumbnail_file(layer.layer, unit.unit)
            _write(small, pixels.thumbnail(picture))
            if store.tried.shape[2]:
                tried = folder / addresses.tried_file(layer.layer, unit.unit)
                _write(tried, _tried(layer, store.tried[row], len(unit.nine)))
        if jpeg:
            sharp = pixels.is_crisp(size)
            other = folder / addresses.picture_file(layer.layer, unit.unit)
            _write(other, figures.jpeg(picture, quality=JPEG_QUALITY, sharp=sharp))
        # last, for where it stands the unit is done
        write_whole(path, pixels.encoded(picture, size, lean=lean))

    with ThreadPoolExecutor() as pool:
        for _ in progress(pool.map(write, plates), len(plates), "drawing plates"):
            pass


def _tried(layer: LayerFacts, tiles: np.ndarray, count: int) -> bytes:
    """The plate of the control twin's reconstructions and of what was kept, encoded."""
    size = layer.shown
    layout = pixels.small_plate_of(size, layer.plate.patches)
    return pixels.small_encoded(pixels.plate(layout, tiles, count), size)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
