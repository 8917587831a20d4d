"""Beyond the nine: images that activate a unit less strongly, at some percentiles of all images.

The nine are the extreme tail of what a unit responds to. A percentile is taken over the images'
strongest activations, by levels an eighth of a doubling wide; the image shown is the first one of
the level where the percentile lies.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.room import room
from atlas.compute.stage import Stage
from atlas.compute.winners import winner
from atlas.data import addresses, levels
from atlas.data.documents import EXAMPLES, NINE, PerUnit, UnitExamples
from atlas.data.geometry import Box
from atlas.data.plan import Plan
from atlas.data.records import Sample
from atlas.drawing import pixels
from atlas.images.sources import Images, stimuli
from atlas.networks.layers import Layer
from atlas.scanning.topk import TopNine

if TYPE_CHECKING:
    from atlas.compute.run import Run

PERCENTS = (99.9, 99.0, 90.0, 50.0, 0.0)
STRIP_BYTES, DATA_BYTES = 2_500, 1_100  # of a unit

Units = tuple[UnitExamples, ...]


def run(run: Run) -> None:
    """Choose the examples of every unit that is shown, and draw them side by side."""
    if not run.leads:
        return
    layers = run.network.choose(run.settings.layer_globs)
    chosen: list[Units] = []
    for layer in layers:
        record = run.record(layer.id)
        chosen.append(
            tuple(
                UnitExamples(one.unit, samples(record, one.unit, layer, run.images))
                for one in run.read(NINE, layer.id).units
            )
        )
        run.write(EXAMPLES, PerUnit(chosen[-1]), layer.id)
    if run.settings.stimuli and run.settings.has_evidence:
        _draw(run, layers, chosen)


def samples(record: TopNine, unit: int, layer: Layer, images: Images) -> tuple[Sample, ...]:
    """A unit's samples, from strong to weak; those at level 0 have no image."""
    found = []
    for percent in PERCENTS if record.images and record.signs.size else ():
        level = levels.percentile(record.counts[unit], max(percent / 100, 1e-12))
        if level == 0:
            found.append(Sample(percent))
            continue
        at = divmod(int(record.sample_place[unit, level]), layer.shape[2])
        image, value = int(record.sample[unit, level]), record.sample_value[unit, level]
        found.append(Sample(percent, winner(images, layer, image, value, at)))
    return tuple(found)


def _draw(run: Run, layers: list[Layer], chosen: list[Units]) -> None:
    """Draw every unit's samples as one strip, as WebP; a sample without an image stays clear."""
    wanted: dict[int, list[tuple[int, int, int]]] = {}
    tiles = []
    for number, (layer, units) in enumerate(zip(layers, chosen, strict=True)):
        shape = (len(units), len(PERCENTS), *pixels.strip_tile(layer.held.size), 3)
        tiles.append(room(run.scratch / f"{layer.id}.tiles", shape, np.uint8))
        for row, unit in enumerate(units):
            for place, sample in enumerate(unit.spectrum):
                if sample.winner:
                    wanted.setdefault(sample.winner.image, []).append((number, row, place))
    source = stimuli(
        run.images,
        run.network.preprocessing,
        sorted(wanted),
        workers=run.settings.workers,
        cache=run.cache,
        again=True,
    )
    for stimulus in source:
        for number, row, place in wanted[stimulus.index]:
            sample = chosen[number][row].spectrum[place]
            assert sample.winner is not None
            box, tile = Box(*sample.winner.box), tiles[number].shape[2:4]
            tiles[number][row, place] = pixels.patch(stimulus.pixels, box, (tile[0], tile[1]))
    for layer, units, drawn in zip(layers, chosen, tiles, strict=True):
        for row, unit in enumerate(units):
            shown = [sample.winner is not None for sample in unit.spectrum]
            if any(shown):
                path = run.folder / addresses.spectrum_file(layer.id, unit.unit)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(pixels.strip(drawn[row], shown, layer.held.size))


def _estimate(plan: Plan) -> int:
    if not plan.evidence:
        return 0
    strip = STRIP_BYTES if plan.pictures and not plan.lean else 0
    return plan.units * (strip + DATA_BYTES)


def _scratch(plan: Plan) -> int:
    """The strips before they are drawn."""
    if not plan.evidence or not plan.pictures or plan.lean:
        return 0
    tiles = [layer.units * 3 * math.prod(pixels.strip_tile(layer.size)) for layer in plan.layers]
    return len(PERCENTS) * sum(tiles)


STAGE = Stage(
    "examples",
    run,
    (EXAMPLES,),
    needs=("scan", "nine"),
    inputs=("network", "images"),
    settings=("layers", "images_policy", "lean", "evidence"),
    files=("*/spectrum/*.webp",),
    estimate=_estimate,
    scratch=_scratch,
)
