"""Tiles of the second pass, drawn and kept on disk until every plate has its nine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlas.compute.room import note_pieces, room
from atlas.compute.second_pass import Projections, Revisited, Visit
from atlas.data.documents import UnitCloseUps, UnitNine
from atlas.data.geometry import Box
from atlas.data.measures import MEASURES
from atlas.data.records import LayerFacts, Pair
from atlas.drawing import pixels
from atlas.reconstruction import close_ups, effective
from atlas.runtime.checkpoint import Checkpoint
from atlas.runtime.ranks import ALONE, Ranks


@dataclass(frozen=True)
class ShownLayer:
    """A layer, its units that are shown, and how large their close-ups are, where it has any."""

    facts: LayerFacts
    units: tuple[UnitNine, ...]
    close_ups: tuple[UnitCloseUps, ...] = ()

    def box(self, row: int, found: Projections, place: int, nominal: Box, frame: Pair) -> Box:
        """What the tiles of one of some winners show, by its unit's row."""
        side = self.close_ups[row].side if self.close_ups else None
        if side is None:
            return nominal
        own = close_ups.extent(found.values[place], found.corner(place), frame)
        return close_ups.placed(own, nominal.as_tuple(), side, frame)


@dataclass(frozen=True)
class TileStore:
    """Room on disk for what the second pass computes of a layer's U shown units.

    ``tiles`` ``[U, 9, 2, h, w, 3]`` uint8, reconstruction and patch; ``boxes`` ``[U, 9, 4]`` int32,
    what they show; ``energies`` ``[U, 9, H + W]`` float32, the gradient's energy in each row and
    column of a nominal box of H by W pixels; where
    reconstructions are tried, ``tried`` ``[U, 9, 2, h, w, 3]`` uint8, small, the control twin's
    reconstruction and what was kept of the patch, and ``figures`` ``[U, 9, M]`` float32, what came
    of it (``MEASURES``).
    """

    tiles: np.ndarray
    boxes: np.ndarray
    energies: np.ndarray
    tried: np.ndarray
    figures: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All of them, in order."""
        return (self.tiles, self.boxes, self.energies, self.tried, self.figures)

    @staticmethod
    def of(layer: ShownLayer, scratch: Path, tried: bool) -> TileStore:
        """The store of a layer in a folder: as a build left it, or empty."""
        each, facts = (len(layer.units), 9), layer.facts
        shapes = _shapes(facts.receptive_field.size, facts.shown, facts.plate.tile, tried)
        return TileStore(
            **{
                name: room(scratch / f"{facts.layer}.{name}", (*each, *shape), _type(name))
                for name, shape in shapes.items()
            }
        )


def bytes_of_unit(size: Pair, shown: Pair, tile: Pair, tried: bool) -> int:
    """The bytes that a store takes for a unit.

    ``size`` is that of its nominal box, ``shown`` of the largest box that its tiles show, ``tile``
    that of its plate's tiles.
    """
    shapes = _shapes(size, shown, tile, tried)
    return sum(9 * math.prod(s) * np.dtype(_type(name)).itemsize for name, s in shapes.items())


def _shapes(size: Pair, shown: Pair, tile: Pair, tried: bool) -> dict[str, tuple[int, ...]]:
    """The shapes of a store's arrays for one winner."""
    return {
        "tiles": (2, *tile, 3),
        "boxes": (4,),
        "energies": (sum(size),),
        "tried": (2 if tried else 0, *pixels.small_plate_of(shown).tile, 3),
        "figures": (len(MEASURES) if tried else 0,),
    }


def _type(name: str) -> type:
    return {"tiles": np.uint8, "tried": np.uint8, "boxes": np.int32}.get(name, np.float32)


@dataclass(frozen=True)
class Drawn:
    """B winners of a layer, by rows and ranks in its ``TileStore``, and what it holds of each."""

    layer: str
    rows: np.ndarray
    ranks: np.ndarray
    tiles: np.ndarray
    boxes: np.ndarray
    energies: np.ndarray
    tried: np.ndarray
    figures: np.ndarray

    def put(self, store: TileStore) -> None:
        """Put it into the layer's store."""
        for name in ("tiles", "boxes", "energies", "tried", "figures"):
            getattr(store, name)[self.rows, self.ranks] = getattr(self, name)


def draw(
    visits: Iterable[Visit],
    layers: Mapping[str, ShownLayer],
    stores: Mapping[str, TileStore],
    *,
    std: tuple[float, ...],
    checkpoint: Checkpoint,
    ranks: Ranks = ALONE,
) -> None:
    """Draw what visits yield. Rank 0 puts it into stores.

    ``layers`` and ``stores`` are by id; ``std`` is the standard deviation of the network's input.
    ``checkpoint`` counts the visits that all ranks have made.
    """
    shown = {name: np.array([unit.unit for unit in layer.units]) for name, layer in layers.items()}

    def drawn(visit: Visit, some: Revisited) -> Drawn:
        name = some.layer.id
        rows = np.searchsorted(shown[name], some.units)
        return _drawn(layers[name], visit, some, rows, std)

    with ThreadPoolExecutor() as pool:
        for visit in visits:
            jobs = [pool.submit(drawn, visit, some) for some in visit.found]
            own = [job.result() for job in jobs]
            gathered = [one for of_rank in ranks.gather(own) for one in of_rank]
            for one in gathered:
                one.put(stores[one.layer])
            note_pieces(
                checkpoint,
                ((stores[one.layer].arrays, one.rows, one.ranks) for one in gathered),
            )
            checkpoint["visited"] = (checkpoint["visited"] or 0) + ranks.count
            checkpoint.commit()


def _drawn(
    shown: ShownLayer, visit: Visit, some: Revisited, rows: np.ndarray, std: tuple[float, ...]
) -> Drawn:
    layer, count, evidence = shown.facts, len(some.units), some.evidence
    tile, small = layer.plate.tile, pixels.small_plate_of(layer.shown).tile
    tiles = np.zeros((count, 2, *tile, 3), np.uint8)
    boxes = np.zeros((count, 4), np.int32)
    tried = np.zeros((count, 2 if evidence else 0, *small, 3), np.uint8)
    energies = np.zeros((count, sum(layer.receptive_field.size)), np.float32)
    for place, (image, nominal) in enumerate(zip(some.images, some.boxes, strict=True)):
        frame = visit.stimuli[image].shape[:2]
        box = shown.box(int(rows[place]), some.reconstructions, place, nominal, frame)
        boxes[place] = box.as_tuple()
        tiles[place, 0] = _reconstruction(some.reconstructions, place, std, box, tile)
        tiles[place, 1] = pixels.patch(visit.stimuli[image], box, tile)
        if evidence:
            kept = visit.blurred[image].copy()
            corner = some.reconstructions.corner(place)
            _copy(visit.stimuli[image], kept, evidence.marks[place], corner)
            tried[place, 0] = _reconstruction(evidence.twins, place, std, box, small)
            tried[place, 1] = pixels.patch(kept, box, small)
        energies[place] = _energy(some, place)
    figures = evidence.figures if evidence else np.zeros((count, 0), np.float32)
    return Drawn(layer.layer, rows, some.ranks, tiles, boxes, energies, tried, figures)


def _reconstruction(
    found: Projections, place: int, std: tuple[float, ...], box: Box, size: tuple[int, int]
) -> np.ndarray:
    signal, corner = found.values[place], found.corner(place)
    return pixels.reconstruction(signal, std=std, box=box, size=size, corner=corner)


def _copy(sharp: np.ndarray, kept: np.ndarray, marks: np.ndarray, corner: tuple[int, int]) -> None:
    """Copy the marked pixels ``[h, w]`` of a stimulus; ``corner`` is the place of the first."""
    (top, left), (height, width) = corner, marks.shape
    frame = slice(max(top, 0), top + height), slice(max(left, 0), left + width)
    own = marks[max(-top, 0) :, max(-left, 0) :]
    own = own[: sharp.shape[0] - frame[0].start, : sharp.shape[1] - frame[1].start]
    kept[frame][own] = sharp[frame][own]


def _energy(some: Revisited, place: int) -> np.ndarray:
    assert some.gradients is not None
    corner, box = some.gradients.corner(place), some.boxes[place].as_tuple()
    return np.concatenate(effective.marginals(some.gradients.values[place], corner, box))
