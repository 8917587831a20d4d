"""What the second pass finds, drawn, and kept on disk until every plate has its nine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from atlas import data, effective, pages, pixels
from atlas.checkpoint import Checkpoint
from atlas.network import Network
from atlas.ranks import ALONE, Ranks
from atlas.revisiting import Revisited, Visit

QUALITY = 82  # of a stimulus as lossy WebP


@dataclass(frozen=True)
class Place:
    """Room on disk for what the second pass finds of a layer's U shown units.

    ``tiles`` ``[U, 9, 2, h, w, 3]`` uint8, reconstruction and patch; ``energies`` ``[U, 9, H + W]``
    float32, the gradient's energy in each row and column of a nominal box of H by W pixels.
    """

    tiles: np.ndarray
    energies: np.ndarray

    @staticmethod
    def of(layer: data.LayerData, scratch: Path) -> Place:
        """The place of a layer in a folder: as it was left, or empty."""
        count = len(layer.top)
        return Place(
            room(scratch / f"{layer.layer}.tiles", (count, 9, 2, *layer.plate.tile, 3), np.uint8),
            room(
                scratch / f"{layer.layer}.energies",
                (count, 9, sum(layer.receptive_field.size)),
                np.float32,
            ),
        )


def room(path: Path, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """An array that lies in a file: as it was left, or of zeros."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if not path.exists() or path.stat().st_size != size:
        with path.open("wb") as file:
            file.truncate(size)
    return np.memmap(path, dtype, "r+", shape=shape)


@dataclass(frozen=True)
class Drawn:
    """B winners of a layer, by their rows and ranks in its ``Place``, and what it holds of each."""

    layer: str
    rows: np.ndarray
    ranks: np.ndarray
    tiles: np.ndarray
    energies: np.ndarray


def draw(
    network: Network,
    layers: Mapping[str, data.LayerData],
    visits: Iterable[Visit],
    folder: Path | None,
    places: Mapping[str, Place],
    checkpoint: Checkpoint,
    ranks: Ranks = ALONE,
) -> None:
    """Draw what visits find; rank 0 puts it all into places, and the images into a folder, if any.

    ``layers`` are by id. ``checkpoint`` counts the visits that are done, of all ranks.
    """
    shown = {name: np.array([unit.unit for unit in layer.top]) for name, layer in layers.items()}

    def drawn_of(some: Revisited) -> Drawn:
        name = some.layer.id
        return _drawn(network, layers[name], some, np.searchsorted(shown[name], some.units))

    with ThreadPoolExecutor() as pool:
        for visit in visits:
            drawn = [pool.submit(drawn_of, some) for some in visit.found]
            for others, stimuli in ranks.gather(([one.result() for one in drawn], visit.stimuli)):
                for one in others:
                    places[one.layer].tiles[one.rows, one.ranks] = one.tiles
                    places[one.layer].energies[one.rows, one.ranks] = one.energies
                saved = [
                    pool.submit(_save_image, folder / pages.image_file(image), stimulus)
                    for image, stimulus in stimuli.items()
                    if folder is not None
                ]
                for job in saved:
                    job.result()
            checkpoint["visited"] = (checkpoint["visited"] or 0) + ranks.count
            checkpoint.commit()


def _drawn(network: Network, layer: data.LayerData, some: Revisited, rows: np.ndarray) -> Drawn:
    tiles = np.zeros((len(some.units), 2, *layer.plate.tile, 3), np.uint8)
    energies = np.zeros((len(some.units), sum(layer.receptive_field.size)), np.float32)
    for place in range(len(some.units)):
        _draw_tiles(network, some, place, tiles[place])
        energies[place] = _energy(some, place)
    return Drawn(layer.layer, rows, some.ranks, tiles, energies)


def _energy(some: Revisited, place: int) -> np.ndarray:
    corner = int(some.gradients.corners[place, 0]), int(some.gradients.corners[place, 1])
    box = some.boxes[place].as_tuple()
    return np.concatenate(effective.marginals(some.gradients.values[place], corner, box))


def _draw_tiles(network: Network, some: Revisited, place: int, tiles: np.ndarray) -> None:
    box = some.boxes[place]
    std = network.preprocessing.std
    found = some.reconstructions
    corner = int(found.corners[place, 0]), int(found.corners[place, 1])
    size = (tiles.shape[1], tiles.shape[2])
    tiles[0] = pixels.reconstruction(found.values[place], std, box, size, corner)
    tiles[1] = pixels.patch(some.stimuli[place], box, size)


def _save_image(path: Path, stimulus: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(stimulus.squeeze()).save(path, quality=QUALITY)
