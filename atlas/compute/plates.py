"""Plates, from drawn tiles to files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlas.compute.tile_store import ShownLayer, TileStore
from atlas.data import addresses
from atlas.data.documents import UnitNine
from atlas.data.file_digests import digest_of_file
from atlas.data.records import LayerFacts
from atlas.data.whole_files import write_whole
from atlas.drawing import pixels
from atlas.runtime.checkpoint import Checkpoint
from atlas.runtime.progress import Progress, silent

TOGETHER = 32  # plates between two commits


def write_plates(
    layers: Iterable[ShownLayer],
    stores: Mapping[str, TileStore],
    folder: Path,
    *,
    sharp: bool = True,
    tried: bool = True,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
) -> None:
    """Write every unit's plate, at its best quality if it is to be ``sharp``.

    Where reconstructions were tried, with ``tried`` a plate of the twin's and of what was kept goes
    with it. Plates that a build wrote before it was stopped are left alone where they are as
    ``checkpoint`` has noted them.
    """
    checkpoint = checkpoint or Checkpoint()
    plates = [
        _Plate(layer.facts, unit, stores[layer.facts.layer], row)
        for layer in layers
        for row, unit in enumerate(layer.units)
        if unit.nine
    ]
    waiting = [one for one in plates if not one.is_written(folder, checkpoint[one.fact])]
    with ThreadPoolExecutor() as pool:
        written = pool.map(lambda one: one.written(folder, sharp, tried), waiting)
        shown = progress(written, len(waiting), "drawing plates")
        for count, (plate, digests) in enumerate(zip(waiting, shown, strict=True), 1):
            checkpoint[plate.fact] = digests
            if count % TOGETHER == 0:
                checkpoint.commit()
    checkpoint.commit()


@dataclass(frozen=True)
class _Plate:
    """A unit's plate: what it shows, and the row of its tiles."""

    layer: LayerFacts
    unit: UnitNine
    store: TileStore
    row: int

    @property
    def fact(self) -> str:
        """What its checkpoint calls it."""
        return f"plate {self.layer.layer}/{self.unit.unit}"

    def is_written(self, folder: Path, digests: dict[str, str] | None) -> bool:
        """Whether all its files are as they were written, by their digests."""
        try:
            return digests is not None and all(
                digest_of_file(folder / file) == digest for file, digest in digests.items()
            )
        except OSError:
            return False

    def written(self, folder: Path, sharp: bool, tried: bool) -> dict[str, str]:
        """Write its files; returns a digest of each."""
        layer, size, count = self.layer, self.layer.shown, len(self.unit.nine)
        picture = pixels.plate(layer.plate, self.store.tiles[self.row], count)
        contents = {
            addresses.plate_file(layer.layer, self.unit.unit): pixels.encoded(
                picture, size, sharp=sharp
            )
        }
        if tried and self.store.tried.shape[2]:
            other = addresses.tried_file(layer.layer, self.unit.unit)
            contents[other] = _tried(layer, self.store.tried[self.row], count)
        for file, content in contents.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            write_whole(folder / file, content)
        return {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}


def _tried(layer: LayerFacts, tiles: np.ndarray, count: int) -> bytes:
    """The plate of the control twin's reconstructions and of what was kept, encoded."""
    size = layer.shown
    layout = pixels.small_plate_of(size, layer.plate.patches)
    return pixels.small_encoded(pixels.plate(layout, tiles, count), size)
