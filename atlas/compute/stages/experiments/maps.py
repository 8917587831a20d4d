"""Maps: images by the network's last features, and units by what activates them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data import addresses
from atlas.data.documents import IMAGES, LAYER, NINE
from atlas.data.experiments.maps import (
    IMAGES_SHEET,
    MAPS,
    NAME,
    ImageMap,
    MappedImage,
    MappedUnit,
    Maps,
    UnitMap,
    beside,
    grid,
    sheet_file,
)
from atlas.data.experiments.outcomes import Outcome
from atlas.data.plan import Plan
from atlas.data.records import LayerFacts
from atlas.data.rounding import rounded
from atlas.data.whole_files import write_whole
from atlas.drawing import sheets
from atlas.experiments import projection
from atlas.experiments.features import features_of
from atlas.experiments.passes import values_of
from atlas.images.sources import label_of, name_of
from atlas.scanning import sketching

if TYPE_CHECKING:
    from atlas.compute.run import Run

MOST_IMAGES, MOST_UNITS = 600, 400
TILE, PLATE, MARGIN = 64, 90, 4  # pixels of an image, of a unit's plate, and around a plate
MOST_BYTES, MOST_BYTES_OF_UNITS = 400_000, 250_000  # of a sheet
PAPER = 128  # grey of the places of a plate that has fewer than nine


def run(run: Run) -> None:
    """Draw them."""
    images = _images(run)
    if not run.leads or images is None:
        return
    layers = [
        one
        for layer in run.network.choose(run.settings.layer_globs)
        if (one := _units(run, layer.id)) is not None
    ]
    run.write(MAPS, Outcome(Maps(projection.method(), images, tuple(layers))))


def chosen(labels: Sequence[str | None], count: int) -> list[int]:
    """The places of ``count`` items, as many of each class as can be, in order."""
    of_class: dict[str | None, list[int]] = {}
    for place, label in enumerate(labels):
        of_class.setdefault(label, []).append(place)
    turns = [(turn, own[turn]) for own in of_class.values() for turn in range(len(own))]
    return sorted(place for _, place in sorted(turns)[:count])


def _images(run: Run) -> ImageMap | None:
    """The map of images, at rank 0."""
    network, images = run.network, run.images
    features = features_of(network)
    usable = run.ranks.share(run.read(IMAGES).usable if run.leads else [])
    labels = [label_of(images, index) for index in usable]
    some = [usable[place] for place in chosen(labels, MOST_IMAGES)]
    blocks = [some[first : first + run.slots] for first in range(0, len(some), run.slots)]

    def look(block: list[int]) -> dict[str, np.ndarray]:
        pixels = stimuli_of(run, block)
        (values,) = values_of(network, pixels, [features.node], slots=run.slots)
        found = {"features": features.of(values[features.node])}
        if run.settings.pictures:
            found["tiles"] = np.stack([sheets.small(one, TILE) for one in pixels])
        return found

    parts = shared_work(run, blocks, look, what=NAME)
    if not run.leads:
        return None
    numbers = np.concatenate([part["features"] for part in parts])
    places = projection.placed(numbers)
    cells = projection.snapped(places)
    mapped = tuple(
        MappedImage(image, name_of(images, image), label_of(images, image), _pair(place), cell)
        for image, place, cell in zip(some, places, cells, strict=True)
    )
    if run.settings.pictures:
        tiles = np.concatenate([part["tiles"] for part in parts])
        _write_sheet(run, IMAGES_SHEET, list(tiles), cells, limit=MOST_BYTES)
    known = [one.label for one in mapped]
    kin = None
    if None not in known and len(set(known)) > 1:
        near = projection.nearest(numbers)
        kin = round(float(np.mean([known[i] == known[j] for i, j in enumerate(near)])), 4)
    tile = TILE if run.settings.pictures else 0
    return ImageMap(features.source, numbers.shape[1], grid(len(some)), tile, kin, mapped)


def _units(run: Run, layer: str) -> UnitMap | None:
    """The map of a layer's units; None where no statistics were taken or too few units vary."""
    record, nine = run.record(layer), run.read(NINE, layer).units
    shown = [one.unit for one in nine if one.nine]
    if not record.signs.size:
        return None
    sketches = sketching.directions(record.sketch, record.signs, record.counts)
    varying = [unit for unit in shown if sketches[unit].any()]
    few = min(MOST_UNITS, len(varying))
    units = [varying[place * len(varying) // few] for place in range(few)]
    if few < 2:
        return None
    directions = sketches[units].astype(np.float64)
    places = projection.placed(directions)
    cells = projection.snapped(places)
    facts = run.read(LAYER, layer)
    tiles = [_plate(run, facts, unit) for unit in units]
    _write_sheet(run, sheet_file(layer), tiles, cells, limit=MOST_BYTES_OF_UNITS)
    correlation = directions @ directions.T
    pairs = list(beside({cell: row for row, cell in enumerate(cells)}))
    return UnitMap(
        layer,
        grid(few),
        PLATE + 2 * MARGIN,
        silent=len(nine) - len(varying),
        more=len(varying) - few,
        beside=rounded(np.mean([correlation[pair] for pair in pairs])),
        any=rounded((correlation.sum() - np.trace(correlation)) / (few * (few - 1))),
        units=tuple(
            MappedUnit(unit, _pair(place), cell)
            for unit, place, cell in zip(units, places, cells, strict=True)
        ),
    )


def _plate(run: Run, layer: LayerFacts, unit: int) -> np.ndarray:
    """A unit's nine patches, small; its reconstructions where the images may not be shown."""
    with Image.open(run.folder / addresses.plate_file(layer.layer, unit)) as picture:
        whole = picture.convert("RGBA")
    paper = Image.new("RGBA", whole.size, (PAPER, PAPER, PAPER, 255))
    drawn = np.asarray(Image.alpha_composite(paper, whole).convert("RGB"))
    left = layer.plate.place(0, layer.plate.patches)[1]
    return sheets.framed(sheets.small(drawn[:, left:], PLATE), MARGIN)


def _write_sheet(
    run: Run,
    file: str,
    tiles: Sequence[np.ndarray],
    cells: Sequence[tuple[int, int]],
    *,
    limit: int,
) -> None:
    content = sheets.sheet(tiles, cells, grid=grid(len(cells)), limit=limit)
    path = run.folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def _pair(place: np.ndarray) -> tuple[float, float]:
    return float(place[0]), float(place[1])


def _estimate(plan: Plan) -> int:
    units = sum(min(MOST_UNITS, layer.units) for layer in plan.layers) if plan.evidence else 0
    pictures = min(MOST_IMAGES, plan.images) * 650 if plan.pictures else 0
    return pictures + min(MOST_IMAGES, plan.images) * 110 + units * 2_000


STAGE = Stage(
    NAME,
    run,
    (MAPS,),
    needs=("scan", "layers", "nine", "reconstructions"),
    inputs=("network", "images", "slots", "projection"),
    settings=("layers", "images_policy"),
    files=(f"experiments/{NAME}/*.webp",),
    estimate=_estimate,
)
