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
from atlas.drawing import pixels
from atlas.runtime.progress import Progress, silent


def write_plates(
    layers: Iterable[ShownLayer],
    stores: Mapping[str, TileStore],
    folder: Path,
    *,
    sharp: bool = True,
    tried: bool = True,
    progress: Progress = silent,
) -> None:
    """Write every unit's plate, at its best quality if it is to be ``sharp``.

    Where reconstructions were tried, with ``tried`` a plate of the twin's and of what was kept goes
    with it. Plates that a build wrote before it was stopped are left alone.
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
        if tried and store.tried.shape[2]:
            other = folder / addresses.tried_file(layer.layer, unit.unit)
            other.parent.mkdir(exist_ok=True)
            other.write_bytes(_tried(layer, store.tried[row], len(unit.nine)))
        # last, for where it stands the unit is done
        write_whole(path, pixels.encoded(picture, size, sharp=sharp))

    with ThreadPoolExecutor() as pool:
        for _ in progress(pool.map(write, plates), len(plates), "drawing plates"):
            pass


def _tried(layer: LayerFacts, tiles: np.ndarray, count: int) -> bytes:
    """The plate of the control twin's reconstructions and of what was kept, encoded."""
    size = layer.shown
    layout = pixels.small_plate_of(size, layer.plate.patches)
    return pixels.small_encoded(pixels.plate(layout, tiles, count), size)
