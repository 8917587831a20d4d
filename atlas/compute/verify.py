"""``build.py verify``: compute units anew from network and images, and compare with the site."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from atlas.compute.second_pass import revisit
from atlas.data import addresses, records
from atlas.drawing import pixels
from atlas.errors import AtlasError, UsageError
from atlas.images.sources import Images
from atlas.networks.batching import BATCH, slots_of
from atlas.networks.network import Network
from atlas.runtime.progress import Progress, silent
from atlas.scanning.scan import scan
from atlas.scanning.topk import NINE, TopNine

ALIKE = 0.9  # the least correlation of pictures that differ by rounding and compression alone


@dataclass(frozen=True)
class Verdict:
    """A unit, and what differs; nothing does where it is as the site says."""

    layer: str
    unit: int
    differs: tuple[str, ...]


def find(path: Path) -> tuple[Path, str | None, int | None]:
    """An atlas's folder, a layer of it and a unit, from ``ATLAS``, ``ATLAS/LAYER`` or with a unit.

    Raises ``UsageError`` if there is no such thing.
    """
    parts: list[str] = []
    folder = path
    while not (folder / "atlas.json").is_file():
        if len(parts) == 2 or folder == folder.parent:
            raise UsageError(f"{path} is no unit, layer or atlas (there is no atlas.json above it)")
        parts.insert(0, folder.name)
        folder = folder.parent
    if len(parts) == 2 and not parts[1].isdigit():
        raise UsageError(f"{path}: {parts[1]} is not a unit's number")
    layer = parts[0] if parts else None
    if layer is not None and layer not in records.read_atlas(folder).layers:
        raise UsageError(f"{path}: the atlas has no layer {layer}")
    return folder, layer, int(parts[1]) if len(parts) == 2 else None


def choose(
    folder: Path, layer: str | None, unit: int | None, sample: int | None, seed: int = 0
) -> dict[str, list[int]]:
    """The units to verify, by layer: one, all of a layer or atlas, or a random sample of those."""
    names = [layer] if layer else list(records.read_atlas(folder).layers)
    there = [(name, one.unit) for name in names for one in records.read_layer(folder, name).top]
    if unit is not None:
        if (names[0], unit) not in there:
            raise UsageError(f"{folder / names[0]} shows no unit {unit}")
        there = [(names[0], unit)]
    if sample is not None and sample < len(there):
        there = sorted(random.Random(seed).sample(there, sample), key=there.index)
    chosen: dict[str, list[int]] = {}
    for name, number in there:
        chosen.setdefault(name, []).append(number)
    return chosen


def verify(
    folder: Path,
    chosen: Mapping[str, list[int]],
    network: Network,
    images: Images,
    workers: int = 0,
    progress: Progress = silent,
) -> Iterator[Verdict]:
    """Compute units anew and compare their values, images, positions and reconstructions.

    The rule, the number of slots and what counts as a duplicate are as the atlas's data say.
    Raises ``AtlasError`` if the network's weights or the images are not those of the atlas.
    """
    facts = records.read_atlas(folder)
    _same("weights", facts.network["weights_hash"], network.weights_hash)
    near, lean = facts.images["near_duplicates"], facts.images.get("lean", False)
    slots = facts.slots or slots_of(network, BATCH)
    found = scan(
        network,
        images,
        list(chosen),
        workers=workers,
        near_duplicates=near,
        progress=progress,
        statistics=False,
        slots=slots,
    )
    _same("images", facts.images["hash"], found.images_hash)
    layers = {name: records.read_layer(folder, name) for name in chosen}
    differs: dict[tuple[str, int], list[str]] = {}
    for name, units in chosen.items():
        for number in units:
            differs[name, number] = _of_record(found.records[name], layers[name].unit(number))
    winners = {name: found.records[name].only(units) for name, units in chosen.items()}
    tiles = {
        (name, number): np.zeros((NINE, 2, *layers[name].plate.tile, 3), np.uint8)
        for name, number in differs
    }
    visits = revisit(
        network, images, winners, facts.rule, workers=workers, progress=progress, slots=slots
    )
    for visit in visits:
        for some in visit.found:
            tile = layers[some.layer.id].plate.tile
            for place, (unit, rank) in enumerate(zip(some.units, some.ranks, strict=True)):
                own, box = tiles[some.layer.id, int(unit)][rank], some.boxes[place]
                own[0] = pixels.reconstruction(
                    some.reconstructions.values[place],
                    network.preprocessing.std,
                    box,
                    tile,
                    some.reconstructions.corner(place),
                )
                own[1] = pixels.patch(visit.stimuli[some.images[place]], box, tile)
    for (name, number), drawn in tiles.items():
        count = found.records[name].count(number)
        differs[name, number] += _of_plate(folder, layers[name], number, drawn, count, lean)
    for (name, number), what in differs.items():
        yield Verdict(name, number, tuple(what))


def _same(what: str, said: str, found: str) -> None:
    if said != found:
        raise AtlasError(
            f"these are not the {what} of the atlas: SHA-256 {found[:16]}, and it says {said[:16]}"
        )


def _of_record(record: TopNine, unit: records.Unit) -> list[str]:
    number, differs = unit.unit, []
    if record.fired[number] != unit.fired:
        differs.append(f"fired for {record.fired[number]} images, not {unit.fired}")
    if record.count(number) != len(unit.nine):
        return [*differs, f"{record.count(number)} images, not {len(unit.nine)}"]
    for rank, winner in enumerate(unit.nine):
        if record.image[number, rank] != winner.image:
            image = record.image[number, rank]
            differs.append(f"no. {rank + 1} is image {image}, not {winner.image}")
        elif record.value[number, rank] != np.float32(winner.value):
            differs.append(f"no. {rank + 1} is {record.value[number, rank]}, not {winner.value}")
        elif tuple(record.position[number, rank]) != winner.position:
            differs.append(f"no. {rank + 1} stands elsewhere")
    return differs


def _of_plate(
    folder: Path, layer: records.LayerData, unit: int, tiles: np.ndarray, count: int, lean: bool
) -> list[str]:
    """Which reconstructions of a plate are not those of these tiles ``[9, 2, h, w, 3]``.

    They are compared as the same compression leaves them, which is not much of noise.
    """
    path = folder / addresses.plate_file(layer.layer, unit)
    if not count:
        return []
    if not path.is_file():
        return ["there is no plate"]
    box = layer.receptive_field.size
    again = pixels.encoded(pixels.plate(layer.plate, tiles, count), box, lean)
    with Image.open(path) as plate, Image.open(io.BytesIO(again)) as other:
        shown, drawn = (np.asarray(each.convert("RGB"), float) for each in (plate, other))
    if shown.shape != drawn.shape:
        return ["the plate has another size"]
    height, width = layer.plate.tile
    found = []
    for rank in range(count):
        top, left = layer.plate.place(rank, patch=False)
        part = slice(top, top + height), slice(left, left + width)
        if not _looks_like(shown[part], drawn[part], pixels.is_crisp(box)):
            found.append(f"the reconstruction of no. {rank + 1}")
    return found


def _looks_like(shown: np.ndarray, drawn: np.ndarray, crisp: bool) -> bool:
    """Whether two pictures ``[h, w, 3]`` are the same, as far as rounding lets one tell."""
    if crisp:
        return bool(np.abs(shown - drawn).max() <= 2)
    grey, wanted = shown.mean(2).ravel(), drawn.mean(2).ravel()
    if wanted.std() < 1:
        return bool(np.abs(grey - wanted).mean() < 4)
    return bool(np.corrcoef(grey, wanted)[0, 1] > ALIKE)
