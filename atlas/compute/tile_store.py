"""What the second pass finds, drawn, and kept on disk until every plate has its nine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from atlas.compute.second_pass import Projections, Revisited, Visit
from atlas.data import addresses, records
from atlas.data.geometry import Box
from atlas.drawing import pixels
from atlas.networks.network import Network
from atlas.reconstruction import effective
from atlas.runtime.checkpoint import Checkpoint
from atlas.runtime.ranks import ALONE, Ranks

QUALITY = 82  # of a stimulus as lossy WebP


@dataclass(frozen=True)
class TileStore:
    """Room on disk for what the second pass finds of a layer's U shown units.

    ``tiles`` ``[U, 9, 2, h, w, 3]`` uint8, reconstruction and patch; ``energies`` ``[U, 9, H + W]``
    float32, the gradient's energy in each row and column of a nominal box of H by W pixels; where
    reconstructions are tried, ``tried`` ``[U, 9, 2, h, w, 3]`` uint8, small, the control twin's
    reconstruction and what was kept of the patch, and ``figures`` ``[U, 9, M]`` float32, what came
    of it (``data.MEASURES``).
    """

    tiles: np.ndarray
    energies: np.ndarray
    tried: np.ndarray
    figures: np.ndarray

    @staticmethod
    def of(layer: records.LayerData, scratch: Path, tried: bool) -> TileStore:
        """The place of a layer in a folder: as it was left, or empty."""
        each, size = (len(layer.top), 9), layer.receptive_field.size
        shapes = {
            "tiles": (2, *layer.plate.tile, 3),
            "energies": (sum(size),),
            "tried": (2 if tried else 0, *pixels.small_plate_of(size).tile, 3),
            "figures": (len(records.MEASURES) if tried else 0,),
        }
        pictures = ("tiles", "tried")
        return TileStore(
            **{
                name: room(
                    scratch / f"{layer.layer}.{name}",
                    (*each, *shape),
                    np.uint8 if name in pictures else np.float32,
                )
                for name, shape in shapes.items()
            }
        )


def room(path: Path, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """An array that lies in a file: as it was left, or of zeros."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if not path.exists() or path.stat().st_size != size:
        with path.open("wb") as file:
            file.truncate(size)
    if not size:
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype, "r+", shape=shape)


@dataclass(frozen=True)
class Drawn:
    """B winners of a layer, by rows and ranks in its ``TileStore``, and what it holds of each."""

    layer: str
    rows: np.ndarray
    ranks: np.ndarray
    tiles: np.ndarray
    energies: np.ndarray
    tried: np.ndarray
    figures: np.ndarray

    def put(self, place: TileStore) -> None:
        """Put it there."""
        for name in ("tiles", "energies", "tried", "figures"):
            getattr(place, name)[self.rows, self.ranks] = getattr(self, name)


def draw(
    network: Network,
    layers: Mapping[str, records.LayerData],
    visits: Iterable[Visit],
    folder: Path | None,
    places: Mapping[str, TileStore],
    checkpoint: Checkpoint,
    ranks: Ranks = ALONE,
) -> None:
    """Draw what visits find; rank 0 puts it all into places, and the images into a folder, if any.

    ``layers`` are by id. ``checkpoint`` counts the visits that are done, of all ranks.
    """
    shown = {name: np.array([unit.unit for unit in layer.top]) for name, layer in layers.items()}

    def drawn_of(visit: Visit, some: Revisited) -> Drawn:
        name = some.layer.id
        rows = np.searchsorted(shown[name], some.units)
        return _drawn(network, layers[name], visit, some, rows)

    with ThreadPoolExecutor() as pool:
        for visit in visits:
            drawn = [pool.submit(drawn_of, visit, some) for some in visit.found]
            for others, stimuli in ranks.gather(([one.result() for one in drawn], visit.stimuli)):
                for one in others:
                    one.put(places[one.layer])
                saved = [
                    pool.submit(_save_image, folder / addresses.image_file(image), stimulus)
                    for image, stimulus in stimuli.items()
                    if folder is not None
                ]
                for job in saved:
                    job.result()
            checkpoint["visited"] = (checkpoint["visited"] or 0) + ranks.count
            checkpoint.commit()


def _drawn(
    network: Network, layer: records.LayerData, visit: Visit, some: Revisited, rows: np.ndarray
) -> Drawn:
    count, std = len(some.units), network.preprocessing.std
    tried, tile = some.evidence, layer.plate.tile
    small = pixels.small_plate_of(layer.receptive_field.size).tile
    tiles = np.zeros((count, 2, *tile, 3), np.uint8)
    less = np.zeros((count, 2 if tried else 0, *small, 3), np.uint8)
    energies = np.zeros((count, sum(layer.receptive_field.size)), np.float32)
    for place, (image, box) in enumerate(zip(some.images, some.boxes, strict=True)):
        tiles[place, 0] = _reconstruction(some.reconstructions, place, std, box, tile)
        tiles[place, 1] = pixels.patch(visit.stimuli[image], box, tile)
        if tried:
            kept = visit.blurred[image].copy()
            corner = some.reconstructions.corner(place)
            _copy(visit.stimuli[image], kept, tried.marks[place], corner)
            less[place, 0] = _reconstruction(tried.twins, place, std, box, small)
            less[place, 1] = pixels.patch(kept, box, small)
        energies[place] = _energy(some, place)
    figures = tried.figures if tried else np.zeros((count, 0), np.float32)
    return Drawn(layer.layer, rows, some.ranks, tiles, energies, less, figures)


def _reconstruction(
    found: Projections, place: int, std: tuple[float, ...], box: Box, size: tuple[int, int]
) -> np.ndarray:
    return pixels.reconstruction(found.values[place], std, box, size, found.corner(place))


def _copy(sharp: np.ndarray, kept: np.ndarray, marks: np.ndarray, corner: tuple[int, int]) -> None:
    """Copy the marked pixels ``[h, w]`` of a stimulus; ``corner`` is the place of the first."""
    (top, left), (height, width) = corner, marks.shape
    frame = slice(max(top, 0), top + height), slice(max(left, 0), left + width)
    own = marks[max(-top, 0) :, max(-left, 0) :]
    own = own[: sharp.shape[0] - frame[0].start, : sharp.shape[1] - frame[1].start]
    kept[frame][own] = sharp[frame][own]


def _energy(some: Revisited, place: int) -> np.ndarray:
    corner, box = some.gradients.corner(place), some.boxes[place].as_tuple()
    return np.concatenate(effective.marginals(some.gradients.values[place], corner, box))


def _save_image(path: Path, stimulus: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(stimulus.squeeze()).save(path, quality=QUALITY)
