"""``build.py verify``: compute units anew from network and images, and compare with the site."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from atlas.compute import verify_curves, verify_names, verify_rules, verify_wants
from atlas.compute.same_picture import looks_like
from atlas.compute.second_pass import Visit, revisit
from atlas.compute.verify_names import NOTHING, Known
from atlas.data import addresses
from atlas.data.documents import read_atlas, read_layer
from atlas.data.geometry import Box
from atlas.data.records import Corners, LayerData, Pair, Unit
from atlas.drawing import pixels
from atlas.errors import AtlasError, UsageError
from atlas.images.sources import Images, name_of
from atlas.networks.batching import BATCH, Running, slots_of
from atlas.networks.network import Network
from atlas.reconstruction import close_ups
from atlas.runtime.progress import Progress, silent
from atlas.scanning.scan import first_pass
from atlas.scanning.topk import NINE, TopNine

NEAR = 2  # pixels by which a close-up may lie elsewhere, where sums were rounded otherwise


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
    if layer is not None and layer not in read_atlas(folder).layers:
        raise UsageError(f"{path}: the atlas has no layer {layer}")
    return folder, layer, int(parts[1]) if len(parts) == 2 else None


def choose(
    folder: Path,
    *,
    layer: str | None = None,
    unit: int | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> dict[str, list[int]]:
    """The units to verify, by layer: one, all of a layer or atlas, or a random sample of those."""
    names = [layer] if layer else list(read_atlas(folder).layers)
    shown = [(name, one.unit) for name in names for one in read_layer(folder, name).top]
    if unit is not None:
        if (names[0], unit) not in shown:
            raise UsageError(f"{folder / names[0]} shows no unit {unit}")
        shown = [(names[0], unit)]
    if sample is not None and sample < len(shown):
        shown = sorted(random.Random(seed).sample(shown, sample), key=shown.index)
    chosen: dict[str, list[int]] = {}
    for name, number in shown:
        chosen.setdefault(name, []).append(number)
    return chosen


def verify(
    folder: Path,
    chosen: Mapping[str, list[int]],
    network: Network,
    images: Images,
    *,
    known: Known = NOTHING,
    workers: int = 0,
    progress: Progress = silent,
) -> Iterator[Verdict]:
    """Compute units anew and compare their values, images, positions and reconstructions.

    Other rules' figures, curves, names, faces and answers, too, where ``known`` has what they need.
    The rule, the number of slots and what counts as a duplicate are as the atlas's data say.
    Raises ``AtlasError`` if the network's weights or the images are not those of the atlas.
    """
    facts = read_atlas(folder)
    _require_same("weights", facts.network.weights_hash, network.weights_hash)
    running = Running(facts.slots or slots_of(network, BATCH), workers, progress=progress)
    scanned = first_pass(
        network,
        images,
        layers=list(chosen),
        near_duplicates=facts.near_duplicates,
        statistics=False,
        running=running,
    )
    skipped = {one.image for one in facts.images.skipped}
    for index, reason in scanned.unread.items():
        if index not in skipped:
            raise AtlasError(
                f"{name_of(images, index)} can't be read as an image: {reason}; "
                "it could be when the atlas was built"
            )
    _require_same("images", facts.images.hash, scanned.images_hash)
    layers = {name: read_layer(folder, name) for name in chosen}
    winners = {name: scanned.records[name].only(units) for name, units in chosen.items()}
    visits = revisit(network, images, winners, facts.rule, running=running)
    again = _again(visits, layers, chosen, network)
    figures = verify_names.differences(
        folder, facts, chosen, network, images, known=known, running=running
    )
    others = verify_rules.differences(folder, facts, chosen, network, images, running=running)
    curves = verify_curves.differences(folder, facts, chosen, network, images, running=running)
    for name, units in chosen.items():
        made = verify_wants.differences(folder, name, units, network, slots=running.slots)
        for number in units:
            differs = _compare_record(scanned.records[name], layers[name].unit(number))
            count = winners[name].count(number)
            if count:
                own, frame = again[name, number], network.preprocessing.crop
                differs += _compare_close_ups(own, layers[name], number, count, frame)
                drawn = pixels.plate(layers[name].plate, own.tiles, count)
                path = folder / addresses.plate_file(name, number)
                differs += _compare_plate(
                    path, drawn, layers[name], count, sharp=facts.keeps("sharp")
                )
            differs += [*made.get(number, []), *figures.get((name, number), [])]
            differs += [*others.get((name, number), []), *curves.get((name, number), [])]
            yield Verdict(name, number, tuple(differs))


@dataclass(frozen=True)
class _Again:
    """A unit's winners computed anew.

    ``tiles`` ``[9, 2, h, w, 3]`` uint8 as a build draws them; ``extents`` where the energy of each
    reconstruction lies, ``nominal`` the nominal boxes, both ``[9, 4]``.
    """

    tiles: np.ndarray
    extents: np.ndarray
    nominal: np.ndarray


def _again(
    visits: Iterable[Visit],
    layers: Mapping[str, LayerData],
    chosen: Mapping[str, list[int]],
    network: Network,
) -> dict[tuple[str, int], _Again]:
    """Units' winners, by layer and number, drawn in the boxes that the atlas says."""
    std, frame = network.preprocessing.std, network.preprocessing.crop
    units = {
        (name, number): _Again(
            np.zeros((NINE, 2, *layers[name].plate.tile, 3), np.uint8),
            np.zeros((NINE, 4), np.int64),
            np.zeros((NINE, 4), np.int64),
        )
        for name, numbers in chosen.items()
        for number in numbers
    }
    for visit in visits:
        for some in visit.found:
            layer, found = layers[some.layer.id], some.reconstructions
            for place, (unit, rank) in enumerate(zip(some.units, some.ranks, strict=True)):
                own, nine = units[layer.layer, int(unit)], layer.unit(int(unit)).nine
                signal, corner = found.values[place], found.corner(place)
                own.extents[rank] = close_ups.extent(signal, corner, frame)
                own.nominal[rank] = some.boxes[place].as_tuple()
                close = nine[rank].close_box if rank < len(nine) else None
                box, tile = Box(*close) if close else some.boxes[place], layer.plate.tile
                own.tiles[rank, 0] = pixels.reconstruction(
                    signal, std=std, box=box, size=tile, corner=corner
                )
                own.tiles[rank, 1] = pixels.patch(visit.stimuli[some.images[place]], box, tile)
    return units


def _require_same(what: str, stated: str, actual: str) -> None:
    if stated != actual:
        raise AtlasError(
            f"these are not the {what} of the atlas: SHA-256 {actual[:16]}, "
            f"and it says {stated[:16]}"
        )


def _compare_record(record: TopNine, unit: Unit) -> list[str]:
    """What differs between what a scan recorded and what an atlas says of a unit."""
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


def _compare_close_ups(
    again: _Again, layer: LayerData, number: int, count: int, frame: Pair
) -> list[str]:
    """Which close-ups that an atlas says of a unit lie elsewhere than those placed anew."""
    boxes: Sequence[Corners | None] = [None] * count
    if layer.close_up:
        extents, nominal = again.extents[:count].tolist(), again.nominal[:count].tolist()
        some = [extents[rank] for rank in close_ups.sampled(count)]
        side = close_ups.side_of(some, layer.close_up, frame)
        if close_ups.closer(side, layer.receptive_field.size):
            boxes = [
                close_ups.placed(own, box, side, frame).as_tuple()
                for own, box in zip(extents, nominal, strict=True)
            ]
    differs = []
    for rank, (winner, box) in enumerate(zip(layer.unit(number).nine, boxes, strict=False)):
        said = winner.close_box
        if (said is None) != (box is None):
            differs.append(f"no. {rank + 1} is {'no' if box is None else 'a'} close-up")
        elif said and box and max(abs(a - b) for a, b in zip(said, box, strict=True)) > NEAR:
            differs.append(f"the close-up of no. {rank + 1}")
    return differs


def _compare_plate(
    path: Path, drawn: Image.Image, layer: LayerData, count: int, *, sharp: bool
) -> list[str]:
    """Which reconstructions of a plate in a file are not those of a plate drawn anew.

    They are compared as the same compression leaves them: it leaves little of noise.
    """
    if not path.is_file():
        return ["there is no plate"]
    box = layer.shown
    again = io.BytesIO(pixels.encoded(drawn, box, sharp=sharp))
    with Image.open(path) as one, Image.open(again) as other:
        shown = np.asarray(one.convert("RGB"), float)
        wanted = np.asarray(other.convert("RGB"), float)
    if shown.shape != wanted.shape:
        return ["the plate has another size"]
    height, width = layer.plate.tile
    differs = []
    for rank in range(count):
        top, left = layer.plate.place(rank, patch=False)
        part = slice(top, top + height), slice(left, left + width)
        if not looks_like(shown[part], wanted[part], crisp=pixels.is_crisp(box)):
            differs.append(f"the reconstruction of no. {rank + 1}")
    return differs
